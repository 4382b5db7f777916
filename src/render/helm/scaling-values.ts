/** Replicas that follow the load: `tiers.<name>.autoscaling`. */
import { servingComponent } from '../../catalog/catalog.ts'
import type { Scaling } from '../../catalog/scaling.ts'
import type { ReplicaTier, Stack } from '../../stack/stack.ts'
import { scaledTiers } from '../../stack/stack.ts'
import { said, type TreeMap } from '../compose/document.ts'
import { namespacePlaceholder, ownQuery } from '../observability/scope.ts'
import type { Topology, Workload } from '../topology.ts'

/** One tier's, as its component and `ragscale.yaml` say. */
export interface TierScaling {
  readonly tier: ReplicaTier
  readonly scaling: Scaling
  /** PromQL, with the placeholder for the release's namespace in it. */
  readonly query: string
  /** For an HPA, which knows metrics by name. */
  readonly metricName: string
}

export function tierScaling({ name }: Workload, { stack }: Topology): TierScaling | null {
  const scaled = scaledTiers.find((tier) => tier === name)
  const tier = scaled === undefined ? undefined : stack.tiers[scaled]
  const component = scaled === undefined ? undefined : servingComponent(stack, scaled)
  const scaling = tier === undefined ? undefined : component?.scaling?.(tier, stack)
  if (tier === undefined || scaling === undefined) return null
  const scope = { matchers: [`namespace="${namespacePlaceholder}"`], labels: {} }
  return {
    tier,
    scaling,
    query: numeric(ownQuery(scope, scaling.query, name), scaling, name),
    metricName: `ragscale_${name}_${scaling.unit}`,
  }
}

/**
 * A quantile of nothing is NaN, which no autoscaler can count with. Where the tier is scraped and idle it stands for 0;
 * where it is not scraped the query stays empty, which is an error and not a load of 0 (`or vector(0)` would hide that).
 */
function numeric(query: string, { unit }: Scaling, job: string): string {
  if (unit !== 'milliseconds') return query
  return `(${query}) >= 0 or 0 * count(up{job="${job}", namespace="${namespacePlaceholder}"})`
}

export function scalingOf(workload: Workload, topology: Topology): TreeMap {
  const found = tierScaling(workload, topology)
  if (found === null) return {}
  const { tier, scaling, query, metricName } = found
  const { autoscale, replicas } = tier
  const min = autoscale?.min ?? replicas
  return {
    autoscaling: said(reason(scaling), {
      enabled: autoscale !== undefined,
      min,
      max: autoscale?.max ?? mostOf(tier, topology.stack),
      target: autoscale?.target ?? scaling.defaultTarget,
      ...(scaling.ceiling === null ? {} : { ceiling: scaling.ceiling }),
      metric: scaling.metric,
      metricName,
      // An average over replicas for what they share; a latency is the same however many there are.
      metricType: scaling.unit === 'milliseconds' ? 'Value' : 'AverageValue',
      query,
      schedule: (autoscale?.schedule ?? []).map((window) => ({ ...window })),
    }),
  }
}

/** Where nothing is said: as far as the limits allow. */
function mostOf({ replicas, gpu, tensorParallel = 1 }: ReplicaTier, { limits }: Stack): number {
  const byGpus =
    limits.gpus === null || gpu === undefined || gpu.toLowerCase() === 'cpu'
      ? Infinity
      : Math.floor(limits.gpus / tensorParallel)
  return Math.max(replicas, Math.min(limits.replicas ?? replicas * 2, byGpus))
}

function reason({ metric, because }: Scaling): string {
  return `Follows ${metric}: ${because.replace(/\.?$/, '.')}`
}

/** Whether any tier of the stack follows its load. */
export function anyAutoscaled({ tiers }: Stack): boolean {
  return scaledTiers.some((name) => tiers[name]?.autoscale !== undefined)
}
