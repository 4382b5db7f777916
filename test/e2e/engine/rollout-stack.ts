/** One tier behind a balancer whose versions differ by their timing alone, and rollouts of it that are soon decided. */

/** So that a step is decided after twelve seconds on any machine, however busy: the versions differ by half, or tenfold. */
export const quick = '--steps 25,100 --max-wait 24s --tolerance 300% --error-tolerance 4%'.split(' ')
export const tested = '--duration 10s --soak 3s'.split(' ')

/** Of `ragscale rollout --json`. */
export interface Told {
  readonly rollout: { readonly outcome: string; readonly because: string | null; readonly phase: string }
}

export interface RolloutStack {
  readonly target: 'compose' | 'swarm'
  readonly balancer: string
  /** How long one request takes, as `80ms`. */
  readonly mean: string
}

export function rolloutStack({ target, balancer, mean }: RolloutStack): string {
  return `name: handbook
target: ${target}
rehearse: true
tiers:
  embed:
    component: tei
    model: BAAI/bge-small-en-v1.5
    replicas: 2 # for now
    emulate: { model: fifo, law: fixed, mean: ${mean}, servers: 8 }
balancer: { component: ${balancer}, image: '${balancer}:test' }
workload: { rate: 20/s, queries: queries.txt, seed: 7 }
slo: { embed: { p95: 3s, errors: 5% } }
limits: { replicas: 8 }
`
}
