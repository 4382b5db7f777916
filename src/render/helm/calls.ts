/** Whom a workload calls: read from the addresses that its container is given, so that no arrow is kept by hand. */
import type { BalancedTier, Container } from '../../catalog/container.ts'
import type { Stack } from '../../stack/stack.ts'
import type { Topology, Workload } from '../topology.ts'

export interface Calls {
  /** Tiers, through the balancer. */
  readonly balanced: readonly BalancedTier[]
  /** Workload → its ports: what no balancer stands before. */
  readonly direct: Readonly<Record<string, readonly number[]>>
  /** Ports of hosts outside the cluster: models to fetch, providers to ask. */
  readonly internet: readonly number[]
}

/** As `helmAddresses` and `replicasHost` write them. */
const balancedUrl = /include `ragscale\.url` \(list \. `(\w+)`\)/g
const hostAndPort = /include `ragscale\.fullname` \. \}\}-([a-z][a-z-]*?)(?:-peers)?[:" ]+(?:port=)?(\d+)/g
const replicasName = /include `ragscale\.replicas-host` \(list \. `([\w-]+)`\)/g

export function callsOf(workload: Workload, topology: Topology): Calls {
  const text = textsOf(workload.container).join('\n')
  const balanced = new Set([...text.matchAll(balancedUrl)].map(([, tier]) => tier as BalancedTier))
  const direct = new Map<string, Set<number>>()
  const add = (name: string, port: number) => direct.set(name, (direct.get(name) ?? new Set()).add(port))
  for (const [, name = '', port] of text.matchAll(hostAndPort)) {
    if (topology.workloads.some((other) => other.name === name)) add(name, Number(port))
  }
  for (const [, name = ''] of text.matchAll(replicasName)) {
    const http = topology.workloads.find((other) => other.name === name)?.container.ports['http']
    if (http !== undefined) add(name, http)
  }
  return {
    balanced: [...balanced].sort(),
    direct: Object.fromEntries(
      [...direct]
        .sort(([a], [b]) => (a < b ? -1 : 1))
        .map(([name, ports]) => [name, [...ports].sort((a, b) => a - b)]),
    ),
    internet: internetOf(workload, text, topology.stack),
  }
}

function textsOf({ command = [], args = [], env, files }: Container): string[] {
  return [...command, ...args, ...Object.values(env), ...files.map((file) => file.text)]
}

function internetOf({ container }: Workload, text: string, { tiers }: Stack): number[] {
  const ports = new Set<number>()
  // A volume that is shared is the cache of models: what mounts it may fetch one.
  if (container.mounts.some((mount) => mount.kind === 'shared')) ports.add(443)
  for (const { provider } of [tiers.embed, tiers.rerank, tiers.generate].flatMap((tier) => tier ?? [])) {
    if (provider !== undefined && text.includes(provider.url)) ports.add(portOf(provider.url))
  }
  return [...ports].sort((a, b) => a - b)
}

function portOf(url: string): number {
  const { port, protocol } = new URL(url)
  if (port !== '') return Number(port)
  return protocol === 'http:' ? 80 : 443
}
