/** Which load test lets CI decide whether the counts of `ragscale.yaml` suffice. */
import { type Percentile, type Stack, type Stage, endpointNames } from '../../stack/stack.ts'

export interface LoadStep {
  /** What `recommend` wants measured: a sweep of each tier, and of whole queries. */
  readonly stages: readonly Stage[]
  /** The window of each step. */
  readonly seconds: number
  /** Why so long; becomes a comment. */
  readonly because: string
}

/** Requests from which a percentile is believed (docs/measuring.md). */
const samplesFor: Readonly<Record<Percentile, number>> = { p50: 5, p90: 29, p95: 59, p99: 300, p999: 3_000 }

const shortestSeconds = 15
/** Five stages of about seven rates each, within three quarters of the job's hour. */
const longestSeconds = 60

export function loadStepOf(stack: Stack): LoadStep {
  const stages = stagesOf(stack)
  const asked = stack.slo.flatMap(({ stage, percentile, on }) =>
    percentile === null || !stages.includes(stage) ? [] : [{ on, samples: samplesFor[percentile] }],
  )
  const most = asked.sort((a, b) => b.samples - a.samples)[0]
  const { rate } = stack.workload
  if (most === undefined) {
    return { stages, seconds: shortestSeconds, because: `${shortestSeconds} s a step: no SLO asks for more` }
  }
  // Half as many again: not every step of a sweep runs at the full rate.
  const needed = Math.ceil((1.5 * most.samples) / rate)
  const seconds = Math.min(longestSeconds, Math.max(shortestSeconds, needed))
  const short = needed > longestSeconds ? ', which at this rate would take longer than a CI job should' : ''
  return {
    stages,
    seconds,
    because: `${seconds} s a step: ${most.on} is believed from ${most.samples} requests on, ${rate}/s are expected${short}`,
  }
}

const stageOf = {
  embed: 'embed',
  vector: 'retrieve',
  rerank: 'rerank',
  generate: 'generate',
  pipeline: 'pipeline',
} as const

/** The stages that there is something to call for, the whole query last. */
function stagesOf({ target, tiers, endpoints }: Stack): Stage[] {
  return endpointNames
    .filter((name) =>
      target === 'external'
        ? endpoints[name] !== undefined
        : tiers[name === 'pipeline' ? 'gateway' : name] !== undefined,
    )
    .map((name) => stageOf[name])
}

/** The command; the run that it makes is `runs/ci`. */
export function loadCommand({ stages, seconds }: LoadStep): string {
  const asked = stages.map((stage) => `--stage ${stage}`).join(' ')
  return `ragscale --yes loadtest ${asked} --scenario sweep --duration ${seconds}s --warmup 5s --name ci`
}
