/** What tests ask of a topology. */
import type { Container } from '../../../src/catalog/container.ts'
import type { Topology, Workload } from '../../../src/render/topology.ts'

export function workload({ workloads }: Topology, name: string): Workload {
  const found = workloads.find((one) => one.name === name)
  if (found === undefined) throw new Error(`there is no ${name}`)
  return found
}

/** What one of our services is told. */
export function configOf({ files }: Container): unknown {
  const file = files.find(({ path }) => path === '/etc/ragscale/config.json')
  if (file === undefined) throw new Error('it has no configuration of ours')
  return JSON.parse(file.text)
}
