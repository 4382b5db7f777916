import type { Endpoint, EndpointName, Slo, Stack } from '../../../src/stack/stack.ts'

/** A stack as `src/stack/` would make it, with what a test wants to be different. */
export function stackWith(
  changes: {
    readonly workload?: Partial<Stack['workload']>
    readonly slo?: readonly Slo[]
    readonly target?: Stack['target']
    readonly tiers?: Stack['tiers']
    readonly endpoints?: Partial<Record<EndpointName, Endpoint>>
    readonly limits?: Partial<Stack['limits']['load']>
  } = {},
): Stack {
  return {
    name: 'handbook',
    target: changes.target ?? 'local',
    file: '/stacks/ragscale.yaml',
    folder: '/stacks',
    rehearse: false,
    tiers: changes.tiers ?? {},
    balancer: { component: 'reference', policy: 'least-connections', replicas: 1 },
    support: {},
    workload: {
      rate: 20,
      arrivals: { kind: 'poisson' },
      queries: null,
      zipf: null,
      topK: 5,
      inputTokens: 64,
      outputTokens: 128,
      seed: 1,
      ...changes.workload,
    },
    slo: changes.slo ?? [],
    limits: {
      replicas: null,
      gpus: null,
      budgetPerMonth: null,
      load: { rate: null, requests: null, spend: null, ...changes.limits },
    },
    endpoints: changes.endpoints ?? {},
  }
}

export function limit(on: string, ms: number): Slo {
  const [stage = '', metric = '', percentile = ''] = on.split('.')
  return {
    on,
    stage: stage as Slo['stage'],
    metric,
    percentile: percentile as Slo['percentile'],
    limit: ms,
    unit: 'ms',
  }
}
