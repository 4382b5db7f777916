/** Where a stack in a swarm is called from outside: the ports that its balancer publishes. Pure. */
import { balancerPorts } from '../../catalog/container.ts'
import { endpointTiers } from '../endpoint-tiers.ts'
import type { RunningEndpoints } from '../target.ts'
import type { FoundSwarm } from './found.ts'

/** @param engineHost where ports of the engine's own node are found */
export function publishedUrls(swarm: FoundSwarm, engineHost: string): RunningEndpoints {
  const balancer = swarm.services.find(({ name }) => name === 'balancer')
  if (balancer === undefined) return {}
  const hosts = swarm.tasks
    .filter(
      ({ service, state, desired }) =>
        service === balancer.id && state === 'running' && desired === 'running',
    )
    .map(({ node }) => hostOf(node, swarm, engineHost))
  if (hosts.length === 0) return {}
  return Object.fromEntries(
    Object.entries(endpointTiers).flatMap(([name, tier]) => {
      const port = balancer.ports[balancerPorts[tier]]
      return port === undefined ? [] : [[name, hosts.map((host) => `http://${host}:${port}`)] as const]
    }),
  )
}

function hostOf(node: string | null, { node: own, nodes }: FoundSwarm, engineHost: string): string {
  const address = nodes.find(({ id }) => id === node)?.address ?? ''
  return node === own || address === '' ? engineHost : address
}
