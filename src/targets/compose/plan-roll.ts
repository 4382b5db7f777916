/** Of a plan: how the replicas of a workload are replaced so that it goes on serving. Pure. */
import { balancedTiers } from '../../catalog/container.ts'
import type { FoundContainer } from '../docker/containers.ts'
import { numberOf, serviceOf } from './found.ts'
import { type Routing, among, isHealthy, workloadOf } from './plan-routing.ts'
import type { Change } from './service-change.ts'
import type { ComposeObserved, PlannedStep, RolledReplica } from './steps.ts'
import { type WantedService, replicaName } from './wanted.ts'

/**
 * A wave each: the replicas of one workload, of which there are two or more, one at a time; all others as they are.
 * @param changes services of which every container has to be another one
 */
export function rolls(
  changes: readonly Change[],
  { wanted, containers }: ComposeObserved,
  routing: Routing | null,
): PlannedStep[][] {
  return [...Map.groupBy(changes, ({ service }) => service.workload).values()].flatMap((group) => {
    const [first] = group
    if (first === undefined) return []
    const { workload, tier } = first.service
    const services = wanted.filter((service) => service.workload === workload)
    const count = services.reduce((sum, { replicas }) => sum + replicas, 0)
    const filling = group.find(({ only }) => only !== undefined)
    if (filling !== undefined) return [[fill(filling, containers)]]
    const balanced = (balancedTiers as readonly string[]).includes(tier)
    if (!balanced) return group.map(({ steps }) => [...steps])
    // One that is to be the only one has others beside it until they are taken away.
    const serving = containers.filter((one) => workloadOf(one) === workload && isHealthy(one)).length
    if (Math.max(count, serving) < 2) return group.map(({ steps }) => steps.map(away))
    const replicas = group.flatMap(({ service }) => replicasOf(service, containers))
    const before = routing?.before ?? null
    const isRouted = routing !== null && before !== null && among(before, [workload]).length > 0
    const step: PlannedStep = {
      kind: 'roll',
      workload,
      replicas,
      routed: isRouted ? { running: routing.running, balancing: before } : null,
      what: `replace ${replicas.map(({ name }) => name).join(', ')}${replicas.length > 1 ? ', one at a time' : ''}`,
      because: first.steps[0]?.because ?? '',
      tier,
    }
    return [[step]]
  })
}

/** Those that serve nobody first. */
function replicasOf(service: WantedService, containers: readonly FoundContainer[]): RolledReplica[] {
  const own = containers.filter((one) => serviceOf(one) === service.name)
  const numbers =
    service.number === null ? Array.from({ length: service.replicas }, (_, index) => index + 1) : [null]
  return numbers
    .map((number) => {
      const found = own.find((one) => number === null || numberOf(one) === number)
      const name = number === null ? service.name : replicaName(service, number)
      const serves = found !== undefined && isHealthy(found)
      return { service, number: number ?? 1, name, id: found?.id ?? null, serves }
    })
    .toSorted((a, b) => Number(a.serves) - Number(b.serves))
}

/** Those that are missing among others. */
function fill({ service, steps, only = [] }: Change, containers: readonly FoundContainer[]): PlannedStep {
  return {
    kind: 'roll',
    workload: service.workload,
    replicas: replicasOf(service, containers).filter(({ number }) => only.includes(number)),
    routed: null,
    what: steps[0]?.what ?? '',
    because: steps[0]?.because ?? '',
    tier: service.tier,
  }
}

/** What a user should know before it happens. */
function away(step: PlannedStep): PlannedStep {
  return {
    ...step,
    because: `${step.because}; it is the only one: there is no ${step.tier} until it is healthy`,
  }
}
