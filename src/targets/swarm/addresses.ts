/** Addresses by which this machine reaches containers of overlay networks. */
import type { Engine } from '../docker/engine.ts'

/** The bridge through which they reach their host, and it them. */
const gatewayBridge = 'docker_gwbridge'

/** By container. Empty where there is no such bridge, or the engine is on another machine and its bridges are there. */
export async function bridgeAddresses({ docker, place }: Engine): Promise<ReadonlyMap<string, string>> {
  if (!place.host.startsWith('unix://')) return new Map()
  const found = (await docker
    .getNetwork(gatewayBridge)
    .inspect()
    .catch(() => null)) as { Containers?: Record<string, { IPv4Address?: string }> } | null
  return new Map(
    Object.entries(found?.Containers ?? {}).flatMap(([id, { IPv4Address: address }]) =>
      address === undefined || address === '' ? [] : [[id, address.split('/')[0] ?? ''] as const],
    ),
  )
}
