/** A file's shape → the `Stack` that everything else reads: paths absolute, what follows from other keys filled in. */
import { dirname, resolve } from 'node:path'
import { readArrivals } from './arrivals.ts'
import { withAutoscale } from './normalise/autoscale.ts'
import { supportOf, tiersOf } from './normalise/tiers.ts'
import type { StackShape } from './schema.ts'
import { sloTarget } from './schema/slo.ts'
import type { Arrivals, Balancer, Endpoint, EndpointName, Slo, Stack, Stage } from './stack.ts'

/** `file` is absolute. The shape has passed the rules, so that nothing here can fail. */
export function normalise(shape: StackShape, file: string): Stack {
  const folder = dirname(file)
  const stack: Stack = {
    name: shape.name,
    target: shape.target,
    file,
    folder,
    rehearse: shape.rehearse,
    tiers: tiersOf(shape.tiers),
    balancer: balancerOf(shape.balancer),
    support: supportOf(shape.tiers),
    workload: {
      rate: shape.workload.rate,
      arrivals: arrivalsOf(shape.workload.arrivals, folder),
      queries: shape.workload.queries === undefined ? null : resolve(folder, shape.workload.queries),
      zipf: shape.workload.skew.zipf ?? null,
      topK: shape.workload.topK,
      inputTokens: shape.workload.inputTokens,
      outputTokens: shape.workload.outputTokens,
      seed: shape.workload.seed,
    },
    slo: slosOf(shape.slo),
    limits: {
      replicas: shape.limits.replicas ?? null,
      gpus: shape.limits.gpus ?? null,
      budgetPerMonth: shape.limits.budget ?? null,
      load: {
        rate: shape.limits.load.rate ?? null,
        requests: shape.limits.load.requests ?? null,
        spend: shape.limits.load.spend ?? null,
      },
    },
    endpoints: endpointsOf(shape.endpoints, folder),
  }
  return { ...stack, tiers: withAutoscale(stack, shape.tiers) }
}

function balancerOf({ image, ...rest }: StackShape['balancer']): Balancer {
  return { ...rest, ...(image !== undefined && { image }) }
}

function arrivalsOf(text: string, folder: string): Arrivals {
  const arrivals = readArrivals(text) ?? { kind: 'poisson' }
  return arrivals.kind === 'trace' ? { kind: 'trace', file: resolve(folder, arrivals.file) } : arrivals
}

function slosOf(slo: StackShape['slo']): Slo[] {
  return Object.entries(slo).flatMap(([stage, limits]) =>
    Object.entries(limits ?? {}).flatMap(([key, limit]) =>
      limit === undefined ? [] : [sloOf(stage as Stage, key, limit)],
    ),
  )
}

function sloOf(stage: Stage, key: string, limit: number): Slo {
  const { metric, percentile } = sloTarget(stage, key)
  return {
    on: percentile === null ? `${stage}.${metric}` : `${stage}.${metric}.${percentile}`,
    stage,
    metric,
    percentile,
    limit,
    unit: percentile === null ? 'ratio' : 'ms',
  }
}

function endpointsOf(endpoints: StackShape['endpoints'], folder: string): Stack['endpoints'] {
  const named = Object.entries(endpoints).flatMap(([name, endpoint]) => {
    if (endpoint === undefined) return []
    const { timeout, caFile, certFile, keyFile, ...rest } = endpoint
    const files = { caFile, certFile, keyFile }
    const absolute = Object.entries(files).flatMap(([key, path]) =>
      path === undefined ? [] : [[key, resolve(folder, path)]],
    )
    return [
      [
        name,
        { ...rest, ...Object.fromEntries(absolute), ...(timeout !== undefined && { timeoutMs: timeout }) },
      ],
    ]
  })
  return Object.fromEntries(named) as Partial<Record<EndpointName, Endpoint>>
}
