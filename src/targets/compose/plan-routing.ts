/** Of a plan: who gets requests while replicas come and go, and what the balancer's configuration says then. Pure. */
import type { Balancing } from '../../catalog/balancing.ts'
import { balancedTiers } from '../../catalog/container.ts'
import { nextOf } from '../../catalog/releases.ts'
import { fingerprint } from '../../render/compose/fingerprint.ts'
import { conditionOf } from '../docker/condition.ts'
import { type FoundContainer, workloadLabel } from '../docker/containers.ts'
import { identityOf, serviceOf } from './found.ts'
import type { ComposeObserved, PlannedStep, RunningBalancer } from './steps.ts'

/** A balancer that takes up a configuration while it runs. */
export interface Routing {
  readonly running: RunningBalancer
  /** As it is told to before anything changes (null: nobody knows), and after. */
  readonly before: Balancing | null
  readonly after: Balancing
  readonly text: string
  /** The configuration that it has read is not that of `text`. */
  readonly stale: boolean
}

/** Null: it cannot be told while it runs, or is not there to be told. */
export function routingOf({ applied, balancer, containers }: ComposeObserved): Routing | null {
  const container = containers.find((one) => serviceOf(one) === 'balancer' && one.status === 'running')
  if (applied.balancer === null || container === undefined || balancer?.reads !== true) return null
  if (conditionOf(container).state !== 'healthy') return null
  const { path, text, reload, component, balancing } = applied.balancer
  const { id, startedAt } = container
  return {
    running: { id, startedAt, component, path, reload },
    before: balancer.balancing ?? (servesAll(balancing, containers) ? balancing : null),
    after: balancing,
    text,
    stale: balancer.loaded !== fingerprint(text),
  }
}

/** Which of these workloads it sends requests to, by a name of their own. */
export function among(balancing: Balancing, workloads: Iterable<string>): string[] {
  const pools = new Set(balancing.upstreams.flatMap(({ pools }) => pools.map(({ name }) => name)))
  return [...new Set(workloads)].filter((workload) => pools.has(workload))
}

/** Whether nothing that runs behind a balancer would be without requests by this. */
function servesAll(balancing: Balancing, containers: readonly FoundContainer[]): boolean {
  const run = new Set(containers.map(workloadOf))
  const served = balancedTiers.flatMap((tier) => [tier, nextOf(tier)]).filter((name) => run.has(name))
  return among(balancing, served).length === served.length
}

export function workloadOf({ labels }: FoundContainer): string {
  return labels[workloadLabel] ?? ''
}

export function isHealthy(container: FoundContainer): boolean {
  return container.status === 'running' && conditionOf(container).state === 'healthy'
}

/** Those that come up get requests when they are healthy, where others serve until then. */
export function hold(
  { running, before }: Routing,
  coming: readonly string[],
  containers: readonly FoundContainer[],
): PlannedStep[] {
  if (before === null) return []
  const workloads = among(before, coming).filter((workload) =>
    containers.some((one) => workloadOf(one) === workload && isHealthy(one)),
  )
  if (workloads.length === 0) return []
  const serving = containers.filter((one) => workloads.includes(workloadOf(one)) && isHealthy(one))
  return [
    {
      kind: 'route',
      running,
      balancing: before,
      workloads,
      without: [],
      what: `keep requests with ${names(serving)}`,
      because: 'the others get some when they are healthy',
      tier: null,
    },
  ]
}

/** Those that are about to go get none any more. */
export function takeAway(
  { running, after }: Routing,
  leaving: readonly FoundContainer[],
  because: string,
): PlannedStep[] {
  const workloads = among(after, leaving.map(workloadOf))
  if (workloads.length === 0) return []
  const going = leaving.filter((one) => workloads.includes(workloadOf(one)))
  return [
    {
      kind: 'route',
      running,
      balancing: after,
      workloads,
      without: going.map(({ id }) => id),
      what: `send no more requests to ${names(going)}`,
      because,
      tier: null,
    },
  ]
}

/** The configuration as it is rendered: every replica that there is gets requests. */
export function reload(
  { running, after, text, stale }: Routing,
  { by, lingers }: { readonly by: string; readonly lingers: boolean },
): PlannedStep {
  return {
    kind: 'reload',
    running,
    text,
    balancing: after,
    lingers,
    what: 'reconfigure balancer',
    because: stale ? `${by} changes where it sends requests` : 'every replica is to get requests again',
    tier: null,
  }
}

function names(containers: readonly FoundContainer[]): string {
  return containers.map((one) => identityOf(one).name).join(', ')
}
