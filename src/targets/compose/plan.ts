/** What to do to come from what runs to what is wanted. Pure. */
import { balancedTiers } from '../../catalog/container.ts'
import { type FoundContainer, tierLabel, workloadLabel } from '../docker/containers.ts'
import { isHalfStarted } from '../docker/half-started.ts'
import { identityOf, numberOf, serviceOf } from './found.ts'
import { filesFirst, imagesFor, placed } from './plan-files.ts'
import { rolls } from './plan-roll.ts'
import { hold, reload, routingOf, takeAway } from './plan-routing.ts'
import { planShards } from './plan-vector.ts'
import { changeTo, isOurs } from './service-change.ts'
import { type ComposeObserved, type ComposeStep, type PlannedStep, inWaves } from './steps.ts'
import { type WantedService, replicaName } from './wanted.ts'

/** @param by whose word the counts are, for the causes: `ragscale.yaml` */
export function planUp(found: ComposeObserved, by: string): ComposeStep[] {
  const stuck = found.containers.filter((one) => isOurs(one) && isStuck(one))
  const drained = found.containers.filter((one) => isOurs(one) && isDrained(one, found))
  // What they are is removed first, so that they are planned as missing.
  const gone = [...stuck, ...drained]
  const observed = { ...found, containers: found.containers.filter((one) => !gone.includes(one)) }
  const { wanted, containers } = observed
  const changes = wanted.map((service) => changeTo(service, observed, by))
  const started = changes
    .filter((change) => change?.kind === 'start')
    .flatMap((change) => change?.steps ?? [])
  const replaced = changes.filter((change) => change !== null).filter(({ kind }) => kind === 'replace')
  const restarted = changes
    .filter((change) => change?.kind === 'restart')
    .flatMap((change) => change?.steps ?? [])
  const surplus = containers.filter((container) => isOurs(container) && isSurplus(container, observed))
  const unchecked = containers.filter(({ id }) => observed.unchecked.includes(id))
  const touched = new Set(changes.flatMap((change) => (change === null ? [] : [change.service.image])))
  const leaving = [...surplus, ...drained].map(identityOf).filter(({ workload }) => workload === 'vector')
  const shards = planShards(
    observed,
    leaving.map(({ name }) => name),
  )
  const balancerReplaced = replaced.some(({ service }) => service.workload === 'balancer')
  const routing = balancerReplaced ? null : routingOf(observed)
  const coming = changes.flatMap((change) =>
    change !== null && (change.kind !== 'replace' || change.only !== undefined)
      ? [change.service.workload]
      : [],
  )
  const held = routing === null ? [] : hold(routing, coming, containers)
  const rolled = rolls(replaced, observed, routing)
  const wasRouted =
    held.length > 0 || rolled.flat().some((step) => step.kind === 'roll' && step.routed !== null)
  const fewer = `${by} asks for fewer`
  const dismissed =
    routing === null
      ? []
      : takeAway(routing, drained, 'it is in the cluster no longer, and knows nothing of it')
  const takenAway = routing === null ? [] : takeAway(routing, surplus, fewer)
  const reloaded = (lingers: boolean): PlannedStep[] =>
    routing === null ? [] : [reload(routing, { by, lingers })]
  const isReloaded =
    routing !== null && (routing.stale || wasRouted || takenAway.length + dismissed.length > 0)
  // Those whose tier, or second version, the balancer's configuration no longer has.
  const unserved = surplus.some((one) => (balancedTiers as readonly string[]).includes(tierOf(one)))
  return inWaves([
    [...filesFirst(observed, by), ...placed(observed, isReloaded)],
    ...imagesFor(observed, touched),
    stuck.map((container) => unstuck(container, wanted)),
    // Before anybody waits for them.
    unchecked.map(checkAgain),
    // Before anybody asks through the balancer: it would wait for a cluster that it is not in.
    dismissed,
    drained.map((container) => removal(container, wanted, by)),
    held,
    // Together, since each may wait for another.
    [...started, ...restarted],
    // One after another: a tier of several goes on serving.
    ...rolled,
    // After what it is to send requests to has come, and before what it shall no longer send any to goes.
    isReloaded && takenAway.length === 0 ? reloaded(unserved) : [],
    ...shards.before,
    takenAway,
    surplus.map((container) => removal(container, wanted, by)),
    takenAway.length > 0 ? reloaded(false) : [],
    shards.after,
  ])
}

function tierOf({ labels }: FoundContainer): string {
  return labels[tierLabel] ?? ''
}

/** A vector node that is to go, and was taken out of the cluster before. */
function isDrained(container: FoundContainer, observed: ComposeObserved): boolean {
  const { workload, name } = identityOf(container)
  if (workload !== 'vector' || observed.vector === null || !isSurplus(container, observed)) return false
  return !(name in observed.vector.peers)
}

/** Of no use as it is, and not to be started: the engine has a task of it from before it was ended. */
function isStuck({ status, error }: FoundContainer): boolean {
  return status !== 'running' && isHalfStarted(error)
}

function checkAgain(container: FoundContainer): Extract<PlannedStep, { kind: 'check' }> {
  const { name, tier } = identityOf(container)
  return {
    kind: 'check',
    id: container.id,
    name: container.name,
    what: `have the health of ${name} checked again`,
    because: 'it may have run on while the Docker engine was away, which then checks it no longer',
    tier,
  }
}

function unstuck(container: FoundContainer, wanted: readonly WantedService[]): PlannedStep {
  const step = removal(container, wanted, '')
  return {
    ...step,
    what: `remove ${step.name}, to make it anew`,
    because: 'the Docker engine was ended while it started it, and cannot start it again as it is',
  }
}

function isSurplus(container: FoundContainer, { wanted, dormant }: ComposeObserved): boolean {
  if (dormant.includes(container.labels[workloadLabel] ?? '')) return false
  const service = wanted.find(({ name }) => name === serviceOf(container))
  if (service === undefined) return true
  return !service.job && service.number === null && numberOf(container) > service.replicas
}

function removal(
  container: FoundContainer,
  wanted: readonly WantedService[],
  by: string,
): Extract<PlannedStep, { kind: 'remove' }> {
  const workload = container.labels['com.ragscale.workload'] ?? serviceOf(container)
  const tier = container.labels['com.ragscale.tier'] ?? workload
  const count = wanted
    .filter((service) => service.workload === workload)
    .reduce((sum, service) => sum + service.replicas, 0)
  const replica = container.labels['com.ragscale.replica']
  const name =
    replica === undefined ? replicaName({ workload, tier }, numberOf(container)) : serviceOf(container)
  return {
    kind: 'remove',
    id: container.id,
    name,
    stopSeconds: wanted.find((service) => service.workload === workload)?.stopSeconds ?? 120,
    what: `stop ${name}`,
    because: count === 0 ? `${by} has no ${workload}` : `${by} asks for ${count} of ${workload}`,
    tier,
  }
}
