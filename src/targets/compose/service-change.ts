/** What has to be done about one service, and why. Pure. */
import { conditionOf, endOf, jobConditionOf } from '../docker/condition.ts'
import type { FoundContainer } from '../docker/containers.ts'
import { numberOf, serviceOf } from './found.ts'
import type { ComposeObserved, PlannedStep } from './steps.ts'
import { type WantedService, replicaName } from './wanted.ts'

export interface Change {
  readonly service: WantedService
  readonly kind: 'start' | 'replace' | 'restart'
  readonly steps: readonly PlannedStep[]
  /** Numbers of those alone that are to be made, where others that have higher ones stay as they are. */
  readonly only?: readonly number[]
}

/** Null: it is as it should be. */
export function changeTo(service: WantedService, observed: ComposeObserved, by: string): Change | null {
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
    const start = apply('start', what, countWords(service, observed, by))
    // Compose by itself goes on from the highest number, and never comes to these.
    const isGap = kept.some((one) => missing.some((number) => number < numberOf(one)))
    return isGap ? { ...start, kind: 'replace', only: missing } : start
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

function countWords(
  { workload }: WantedService,
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

/** Not one of `docker compose run`. */
export function isOurs({ labels }: FoundContainer): boolean {
  return labels['com.docker.compose.oneoff'] !== 'True'
}
