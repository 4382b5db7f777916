/** What a user should know of a stack in a swarm, in sentences. Pure. */
import { balancerPorts } from '../../catalog/container.ts'
import type { Stack } from '../../stack/stack.ts'
import type { FoundSwarm } from './found.ts'
import type { Wanted } from './steps.ts'

export function notesOn({ name, rehearse }: Stack, swarm: FoundSwarm, { model, unbuilt }: Wanted): string[] {
  const down = swarm.nodes.filter(({ ready }) => !ready)
  const balancer = swarm.services.find((service) => service.name === 'balancer')
  const onlyFront =
    balancer !== undefined &&
    Object.keys(balancer.ports).every((port) => Number(port) === balancerPorts.gateway)
  return [
    ...(rehearse ? ['a rehearsal: real protocols and containers, modelled timing'] : []),
    ...(swarm.foreign === undefined
      ? []
      : [
          `the swarm has a stack ${name} that ragscale did not make, and leaves alone: ${swarm.foreign.join(', ')}`,
        ]),
    ...down.map(
      ({ name: node, away }) => `node ${node} takes no tasks: it is ${away ?? 'away'} (docker node ls)`,
    ),
    ...(onlyFront
      ? [
          'only the front door is published: cp deploy/swarm/stages.yaml deploy/swarm/stack.override.yaml, then ragscale up, opens the tiers’ ports for load tests, on every address of the node',
        ]
      : []),
    ...(swarm.nodes.length > 1 && unbuilt.length === 0
      ? unpublished(
          swarm,
          model.services.map(({ image }) => image),
        )
      : []),
    ...(swarm.nodes.length > 1 && swarm.services.length > 0
      ? ['what replicas on other nodes use is not sampled: an engine tells of its own containers alone']
      : []),
  ]
}

/** An image without a host before its name that is ours comes from no registry. */
function unpublished({ nodes }: FoundSwarm, images: readonly string[]): string[] {
  const own = [...new Set(images)].filter((image) => image.startsWith('ragscale:'))
  return own.map(
    (image) =>
      `${image} is in no registry: each of the ${nodes.length} nodes needs it (docker save ${image} | ssh <node> docker load), or push it and set RAGSCALE_REGISTRY`,
  )
}
