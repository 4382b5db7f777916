/** What to do to come from what runs to what is wanted. Pure. */
import { conflictsAmong, hasDrift } from '../../deployed/plan.ts'
import { conditionOf, endOf, jobConditionOf } from '../docker/condition.ts'
import { type FoundContainer, workloadLabel } from '../docker/containers.ts'
import { fingerprint } from '../../render/compose/fingerprint.ts'
import { identityOf, numberOf, serviceOf } from './found.ts'
import { planShards } from './plan-vector.ts'
import { type ComposeObserved, type ComposeStep, type PlannedStep, inWaves } from './steps.ts'
import { type WantedService, replicaName } from './wanted.ts'

/** @param by whose word the counts are, for the causes: `ragscale.yaml` */
export function planUp(observed: ComposeObserved, by: string): ComposeStep[] {
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
  const touched = new Set(changes.flatMap((change) => (change === null ? [] : [change.service.image])))
  const leaving = surplus.map(identityOf).filter(({ workload }) => workload === 'vector')
  const shards = planShards(
    observed,
    leaving.map(({ name }) => name),
  )
  const balancerReplaced = replaced.some(({ service }) => service.workload === 'balancer')
  const reloaded = balancerReplaced ? [] : reload(observed, by)
  return inWaves([
    [...filesFirst(observed, by), ...placed(observed, reloaded.length > 0)],
    ...imagesFor(observed, touched),
    // Together, since each may wait for another.
    [...started, ...restarted],
    // One after another: a tier of several services goes on serving.
    ...replaced.map(({ steps }) => steps),
    // After what it is to send requests to has come, and before what it shall no longer send any to goes.
    reloaded,
    ...shards.before,
    surplus.map((container) => removal(container, wanted, by)),
    shards.after,
  ])
}

function isOurs({ labels }: FoundContainer): boolean {
  return labels['com.docker.compose.oneoff'] !== 'True'
}

/** Files and secrets, before anything reads them. */
function filesFirst({ comparison, departs, secrets }: ComposeObserved, by: string): PlannedStep[] {
  return [
    ...(departs ? [] : written(comparison, by)),
    ...secrets.filter(({ there }) => !there).map(secretStep),
  ]
}

function written(comparison: ComposeObserved['comparison'], by: string): PlannedStep[] {
  const changes = comparison.changes.filter(({ kind }) => kind !== 'unchanged' && kind !== 'kept')
  if (!hasDrift(comparison.changes) || conflictsAmong(changes).length > 0) return []
  const [first] = changes
  const main = changes.find(({ path }) => path === 'compose/compose.yaml') ?? first
  if (main === undefined) return []
  const more = changes.length === 1 ? '' : ` (and ${changes.length - 1} more)`
  const fresh = changes.every(({ kind }) => kind === 'wrote')
  return [
    {
      kind: 'write',
      comparison,
      what: `write deploy/${main.path}${more}`,
      because: fresh ? 'nothing was rendered yet' : `it is not what ${by} says`,
      tier: null,
    },
  ]
}

function secretStep({ name, optional, readBy }: ComposeObserved['secrets'][number]): PlannedStep {
  const readers = readBy.join(', ')
  return optional
    ? {
        kind: 'secret',
        name,
        empty: true,
        what: `leave the secret ${name} empty`,
        because: `${readers} can do without it`,
        tier: null,
      }
    : {
        kind: 'secret',
        name,
        empty: false,
        what: `make the secret ${name}`,
        because: `${readers} needs it`,
        tier: null,
      }
}

/** What is not there yet: each image once. */
function imagesFor({ wanted, images }: ComposeObserved, touched: ReadonlySet<string>): PlannedStep[][] {
  const missing = [...touched].filter((image) => image !== '' && images[image] === null)
  const steps = missing.map((image): PlannedStep => {
    const services = wanted.filter((service) => service.image === image)
    const [service] = services
    const because = `${[...new Set(services.map(({ workload }) => workload))].join(', ')}: it is not on this engine`
    return service?.build === null || service === undefined
      ? { kind: 'pull', image, what: `pull ${image}`, because, tier: null }
      : {
          kind: 'build',
          service: service.name,
          image,
          context: service.build.context,
          what: `build ${image}`,
          because,
          tier: null,
        }
  })
  return [steps]
}

interface Change {
  readonly service: WantedService
  readonly kind: 'start' | 'replace' | 'restart'
  readonly steps: readonly PlannedStep[]
}

function changeTo(service: WantedService, observed: ComposeObserved, by: string): Change | null {
  const found = observed.containers.filter((one) => serviceOf(one) === service.name && isOurs(one))
  const force = service.workload === 'balancer' && observed.balancer?.reads === false
  const apply = (kind: 'start' | 'replace', what: string, because: string): Change => {
    const alone = isAlone(service, observed)
    return {
      service,
      kind,
      steps: [{ kind: 'apply', service, alone, force, what, because, tier: service.tier }],
    }
  }
  if (service.job) return jobChange(service, found, observed, apply)
  const kept = found.filter((one) => numberOf(one) <= service.replicas || service.number !== null)
  const other = kept.map((one) => differenceOf(one, service, observed)).find((because) => because !== null)
  const missing = numbersTo(service.replicas).filter(
    (number) => !kept.some((one) => numberOf(one) === number || service.number !== null),
  )
  const names = (numbers: readonly number[]): string =>
    numbers.map((number) => nameOf(service, number)).join(', ')
  if (other !== undefined && other !== null) {
    // What does not run is in nobody's way, and others may wait for it.
    const serves = kept.some(({ status }) => status === 'running')
    return apply(serves ? 'replace' : 'start', `replace ${names(kept.map(numberOf))}`, other)
  }
  if (missing.length > 0) {
    const what = `start ${names(missing)} (${service.component})`
    return apply('start', what, countWords(service, found, observed, by))
  }
  return mending(service, kept, apply)
}

function nameOf(service: WantedService, number: number): string {
  return service.number === null ? replicaName(service, number) : service.name
}

/** Something is there of each replica, and as it should be: does it run? */
function mending(
  service: WantedService,
  kept: readonly FoundContainer[],
  apply: (kind: 'start' | 'replace', what: string, because: string) => Change,
): Change | null {
  const stopped = kept.filter(
    ({ status }) => status === 'created' || status === 'exited' || status === 'dead',
  )
  const names = (some: readonly FoundContainer[]): string =>
    some.map((one) => nameOf(service, numberOf(one))).join(', ')
  const [first] = stopped
  if (first !== undefined) {
    const because = first.status === 'created' ? 'it was made and never started' : endOf(first)
    return apply('start', `start ${names(stopped)} again`, because)
  }
  const states = kept.map((one) => ({ one, ...conditionOf(one) }))
  const sick = states.filter(
    ({ state }) => state === 'unhealthy' || state === 'failing' || state === 'restarting',
  )
  if (sick.length > 0) {
    return {
      service,
      kind: 'restart',
      steps: sick.map(({ one, state, because }): PlannedStep => {
        const name = nameOf(service, numberOf(one))
        return {
          kind: 'restart',
          id: one.id,
          name,
          service,
          what: `restart ${name}`,
          because: `it is ${state}${because === null ? '' : `: ${because}`}`,
          tier: service.tier,
        }
      }),
    }
  }
  const coming = states.filter(({ state }) => state !== 'healthy')
  if (coming.length === 0) return null
  const [{ state } = { state: 'starting' }] = coming
  return apply('start', `wait for ${names(coming.map(({ one }) => one))}`, `it is ${state}`)
}

function jobChange(
  service: WantedService,
  found: readonly FoundContainer[],
  observed: ComposeObserved,
  apply: (kind: 'start' | 'replace', what: string, because: string) => Change,
): Change | null {
  const [done] = found
  if (done === undefined) {
    return apply('start', `run ${service.name}`, `it has not run yet`)
  }
  const other = differenceOf(done, service, observed)
  if (other !== null) return apply('start', `run ${service.name} again`, other)
  const condition = jobConditionOf(done)
  if (condition === 'completed') return null
  const { state, because } = condition
  return state === 'starting' || state === 'waiting'
    ? apply(
        'start',
        `wait for ${service.name}`,
        state === 'waiting' ? 'it was made and never started' : 'it runs',
      )
    : apply('start', `run ${service.name} again`, because ?? `it is ${state}`)
}

/** Why a container is not what its service asks for; null: it is. */
function differenceOf(
  container: FoundContainer,
  service: WantedService,
  { images, balancer }: ComposeObserved,
): string | null {
  if (service.workload === 'balancer' && balancer?.reads === false) {
    return 'it reads a configuration that ragscale cannot change while it runs'
  }
  const { labels, image, imageId } = container
  if (labels['com.docker.compose.config-hash'] !== service.hash) {
    if (image !== service.image) return `its image is ${image}, and ${service.image} is wanted`
    return 'its definition has changed since'
  }
  const there = images[service.image]
  if (there !== null && there !== undefined && there !== imageId) {
    return `${service.image} is another image since it started`
  }
  return null
}

/** Whether all that it waits for is as it has to be, so that nothing else need be touched. */
function isAlone({ after }: WantedService, { wanted, containers }: ComposeObserved): boolean {
  return after.every(({ service, until }) => {
    const other = wanted.find(({ name }) => name === service)
    const found = containers.filter((one) => serviceOf(one) === service)
    if (other === undefined) return true
    if (found.length < other.replicas) return false
    return found.every((one) =>
      until === 'completed' ? jobConditionOf(one) === 'completed' : conditionOf(one).state === 'healthy',
    )
  })
}

function isSurplus(container: FoundContainer, { wanted, dormant }: ComposeObserved): boolean {
  if (dormant.includes(container.labels[workloadLabel] ?? '')) return false
  const service = wanted.find(({ name }) => name === serviceOf(container))
  if (service === undefined) return true
  return !service.job && service.number === null && numberOf(container) > service.replicas
}

function removal(container: FoundContainer, wanted: readonly WantedService[], by: string): PlannedStep {
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

function countWords(
  { workload }: WantedService,
  _found: readonly FoundContainer[],
  { wanted, containers }: ComposeObserved,
  by: string,
): string {
  const services = wanted.filter((service) => service.workload === workload)
  const asked = services.reduce((sum, { replicas }) => sum + replicas, 0)
  const runs = containers.filter(
    (one) => services.some(({ name }) => name === serviceOf(one)) && one.status === 'running',
  ).length
  return `${by} asks for ${asked} of ${workload}, ${runs === 0 ? 'none runs' : `${runs} ${runs === 1 ? 'runs' : 'run'}`}`
}

function numbersTo(count: number): number[] {
  return Array.from({ length: count }, (_, index) => index + 1)
}

/** What Compose and containers read below the state folder. */
function placed({ applied, state, departs }: ComposeObserved, reloads: boolean): PlannedStep[] {
  const { files, balancer } = applied
  const later = reloads ? balancer?.path : undefined
  const changed = [...files].filter(([path, text]) => path !== later && state.get(path) !== text)
  const removed = [...state.keys()].filter((path) => !files.has(path))
  if (changed.length + removed.length === 0) return []
  return [
    {
      kind: 'place',
      files: new Map(changed),
      removed,
      inPlace: new Set(balancer === null ? [] : [balancer.path]),
      what: 'write .ragscale/compose',
      because: departs
        ? 'deploy/ stays what ragscale.yaml says'
        : 'what runs reads a part of its configuration there',
      tier: null,
    },
  ]
}

/** A balancer that serves takes up its configuration without a restart. */
function reload({ applied, balancer: now, containers }: ComposeObserved, by: string): PlannedStep[] {
  const { balancer } = applied
  const container = containers.find((one) => serviceOf(one) === 'balancer' && one.status === 'running')
  if (balancer === null || container === undefined || now?.reads !== true) return []
  if (conditionOf(container).state !== 'healthy' || now.loaded === fingerprint(balancer.text)) return []
  return [
    {
      kind: 'reload',
      id: container.id,
      startedAt: container.startedAt,
      ...balancer,
      what: 'reconfigure balancer',
      because: `${by} changes where it sends requests`,
      tier: null,
    },
  ]
}
