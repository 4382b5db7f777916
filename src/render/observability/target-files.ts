/** On plain hosts Prometheus is told of each instance by a file, which it reads again by itself when it changes. */
import { Document } from 'yaml'
import { type HostService, hostService } from '../systemd/host-service.ts'
import { comment } from './rules/rule.ts'
import type { Watched } from './watched.ts'

/** `prometheus/targets/gateway.yaml` and its like: the instances of this host, by their ports. */
export function targetFiles(watched: Watched): ReadonlyMap<string, string> {
  return new Map(
    watched.jobs.map(({ name, workload }) => [
      `prometheus/targets/${name}.yaml`,
      text(hostService(workload)),
    ]),
  )
}

function text({ name, ports }: HostService): string {
  const document = new Document([{ targets: ports.map((port) => `127.0.0.1:${port}`) }])
  document.commentBefore = comment(
    `For a Prometheus on the same host. Elsewhere, or with more hosts: write targets/${name}.override.yaml in the same form.`,
  )
  return document.toString()
}
