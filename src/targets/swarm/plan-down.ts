/** What to do until nothing is left of a stack in the swarm. Pure. */
import type { FoundService, FoundSwarm } from './found.ts'
import type { Places } from './places.ts'
import type { Removed, SwarmObserved, SwarmStep } from './steps.ts'
import { isJob } from './tasks.ts'

/** Who is asked first ends first: what is in flight can still be answered by those behind. */
const waves: readonly (readonly string[])[] = [['balancer'], ['gateway', 'worker', 'ui']]

export function planDown(
  { stack, swarm, leftovers, wanted }: SwarmObserved,
  places: Places,
  { volumes }: { readonly volumes: boolean },
): SwarmStep[] {
  const stops = swarm.services
    .map((service): SwarmStep & { readonly wave: number } => ({
      kind: 'stop',
      id: service.id,
      name: service.name,
      wave: waveOf(service),
      job: isJob(service),
      what: `stop ${service.name}`,
      because: 'ragscale down',
      tier: tierOf(service),
    }))
    .toSorted((a, b) => a.wave - b.wave)
  const remove = (of: Removed, names: readonly string[], because = 'ragscale down'): SwarmStep[] =>
    names.map((name) => ({
      kind: 'remove',
      of,
      name,
      what: of === 'folder' ? 'remove .ragscale/swarm' : `remove the ${of} ${name}`,
      because,
      tier: null,
    }))
  const everything = 'ragscale down --volumes'
  const needed = wanted.model.services.flatMap(({ nodeLabels }) => nodeLabels)
  const [only, ...others] = swarm.nodes
  const labelled = needed.filter((label) => only?.labels[label] === 'true')
  return [
    ...stops,
    ...(leftovers.containers > 0 ? [ended(stack, leftovers.containers)] : []),
    ...remove('network', leftovers.networks),
    ...remove('config', leftovers.configs),
    ...remove('secret', leftovers.secrets),
    ...(leftovers.state ? remove('folder', [places.state]) : []),
    ...(volumes ? remove('volume', leftovers.volumes, everything) : []),
    ...(volumes && only !== undefined && others.length === 0 && labelled.length > 0
      ? [
          {
            kind: 'label',
            node: only.id,
            add: [],
            remove: labelled,
            what: `take the labels ${labelled.join(', ')} off node ${only.name}`,
            because: 'no data is left that they led to',
            tier: null,
          } as const,
        ]
      : []),
    ...leftElsewhere(swarm, volumes),
  ]
}

/** On other nodes: the containers of jobs that ended, which a swarm never removes, and volumes. */
function leftElsewhere({ node: own, nodes, services, tasks }: FoundSwarm, volumes: boolean): SwarmStep[] {
  return nodes
    .filter(({ id }) => id !== own)
    .flatMap(({ id, name }): SwarmStep[] => {
      const there = services.filter((service) =>
        tasks.some(
          ({ node, container, service: of }) => node === id && of === service.id && container !== null,
        ),
      )
      const left = [
        ...there.filter(isJob).map((service) => `the container of ${service.name}`),
        ...(volumes ? new Set(there.flatMap((service) => service.volumes)) : []),
      ]
      if (left.length === 0) return []
      return [
        {
          kind: 'leave',
          what: `leave on ${name}: ${left.join(', ')}`,
          because: `only its own engine can remove them: docker container prune${volumes ? ', docker volume rm' : ''}, there`,
          tier: null,
        },
      ]
    })
}

function ended(stack: string, count: number): SwarmStep {
  return {
    kind: 'remove',
    of: 'containers',
    name: stack,
    what: `remove ${count === 1 ? 'the container' : `the ${count} containers`} that ended and are kept for their logs`,
    because: 'ragscale down',
    tier: null,
  }
}

function waveOf(service: FoundService): number {
  const found = waves.findIndex((tiers) => tiers.includes(tierOf(service)))
  return found === -1 ? waves.length : found
}

function tierOf({ labels, name }: FoundService): string {
  return labels['com.ragscale.tier'] ?? name
}
