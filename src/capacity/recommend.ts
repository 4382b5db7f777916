import type { Slo, Stage, Tier } from '../stack/stack.ts'
import { correlationOf, type Correlation } from './correlate.ts'
import { calibrate, kneeShare, show } from './calibrate.ts'
import { quantileOfSorted, type Table } from './distribution.ts'
import { bandOf, predictedOf, quantilesWithin, rounded } from './estimate.ts'
import type { Calibrated, SimulatedTier, TierModel } from './model.ts'
import { cheapestCounts, type Axis } from './search.ts'
import { PipelineSimulation, type Simulated, type TierCounts } from './simulate.ts'
import type { Answer, Counts, PredictedSlo, RecommendInput, TierNow, TierRecommendation } from './types.ts'

const stageOfTier: Partial<Record<Tier, Stage>> = {
  embed: 'embed',
  vector: 'retrieve',
  rerank: 'rerank',
  generate: 'generate',
}
const hoursPerMonth = 730

/** How many standard errors of the measurements the recommended counts must survive. */
const caution = 1

/** Queries simulated to compare counts, and to predict. */
const searched = { queries: 30_000, warmup: 3_000 }
const predicted = { queries: 50_000, warmup: 4_000 }

interface Known {
  readonly now: TierNow
  readonly calibrated: Calibrated
}

/** The cheapest counts that hold the rate within the SLOs, or why there is no answer. */
export function recommend(input: RecommendInput): Answer {
  const known: Known[] = []
  const unmeasured: { tier: Tier; run: string; reason: string }[] = []
  for (const now of input.tiers) {
    const calibrated = calibrate(now, input)
    if ('reason' in calibrated)
      unmeasured.push({ tier: now.tier, run: commandFor(now.tier), reason: calibrated.reason })
    else known.push({ now, calibrated })
  }
  if (known.length === 0)
    return {
      ok: false,
      refusal: {
        because: `Not enough data: ${unmeasured.map(({ tier, reason }) => `${tier}: ${reason}`).join('; ') || 'the stack has no tier to count'}.`,
        run: unmeasured.map(({ run }) => run),
      },
    }

  const rate = input.rate * (input.growth ?? 1)
  const judged = input.slo.filter((slo) => judge(slo, known) !== null)
  const correlation = pipelineCorrelation(input, known)
  const context: Context = { input, known, rate, correlation: correlation?.value ?? 0 }
  const cautious = simulation(context, caution, searched)
  const axes = known.map((one): Axis => axisOf(one, input, rate))
  const found = cheapestCounts(
    axes,
    (counts) => worstOf(cautious.run(countsOf(known, counts)), judged, known),
    (counts) => withinLimits(counts, known, input),
    80,
  )
  const then = found.counts.map((n) => n + input.spare)
  const present = known.map(({ now }) => now.replicas)
  const best = simulation(context, 0, predicted).run(countsOf(known, then))
  const quicker = simulation(context, -2, predicted).run(countsOf(known, then))
  const slower = simulation(context, 2, predicted).run(countsOf(known, then))
  const sufficient =
    present.every((n, i) => n - input.spare >= axes[i]!.least) &&
    worstOf(
      cautious.run(
        countsOf(
          known,
          present.map((n) => n - input.spare),
        ),
      ),
      judged,
      known,
    ) <= 1

  const tiers: Partial<Record<Tier, TierRecommendation>> = {}
  const predictedTiers: Partial<Record<Tier, ReturnType<typeof predictedOf>>> = {}
  known.forEach((one, i) => {
    const { tier } = one.now
    predictedTiers[tier] = predictedOf(best.tierMs[i]!, quicker.tierMs[i]!, slower.tierMs[i]!)
    tiers[tier] = tierRecommendation(one, then[i]!, found.counts[i]!, axes[i]!, rate, input)
  })
  const perMonth = known.reduce(
    (sum, { now }, i) => sum + (priceOf(now, input) ?? 0) * then[i]! * hoursPerMonth,
    0,
  )
  const capacities = known.map(
    ({ now, calibrated }) => (calibrated.ceiling * now.replicas) / (now.visits ?? 1),
  )
  const narrowest = capacities.indexOf(Math.min(...capacities))
  const bottleneck = known[narrowest]!

  return {
    ok: true,
    recommendation: {
      schema: 'ragscale.recommendation/1',
      for: { rate, slo: input.slo, spare: input.spare, growth: input.growth ?? 1 },
      from: [...new Set(known.flatMap(({ calibrated }) => calibrated.runs))],
      bottleneck: {
        tier: bottleneck.now.tier,
        capacity: rounded(capacities[narrowest]!),
        because: `${bottleneck.now.replicas} × ${show(bottleneck.calibrated.ceiling)}/s ÷ ${show(bottleneck.now.visits ?? 1)} visits a query is the lowest of all tiers`,
      },
      tiers,
      predicted: {
        latency: predictedOf(best.latencyMs, quicker.latencyMs, slower.latencyMs),
        ttft: best.ttftMs === null ? null : predictedOf(best.ttftMs, quicker.ttftMs!, slower.ttftMs!),
        tiers: predictedTiers,
      },
      slo: input.slo.map((slo) => predictedSlo(slo, known, [best, quicker, slower])),
      cost: {
        perMonth: rounded(perMonth),
        per1kQueries: rounded((perMonth / (rate * 3600 * hoursPerMonth)) * 1000),
        currency: input.prices.currency,
        pricesOf: input.prices.date,
        unpriced: known.filter(({ now }) => priceOf(now, input) === null).map(({ now }) => now.tier),
      },
      sufficient,
      feasible: found.feasible,
      cheapest: found.cheapest,
      unmeasured: unmeasured.map(({ tier, run }) => ({ tier, run })),
      notes: found.feasible ? [] : ['Within the limits no counts meet every SLO.'],
      verified: null,
    },
  }
}

function commandFor(tier: Tier): string {
  return `ragscale loadtest --stage ${stageOfTier[tier] ?? 'pipeline'} --scenario sweep`
}

interface Context {
  readonly input: RecommendInput
  readonly known: readonly Known[]
  readonly rate: number
  readonly correlation: number
}

/** The tiers under the load, every time longer by `errors` standard errors of its measurement. */
function simulation(
  { input, known, rate, correlation }: Context,
  errors: number,
  size: { queries: number; warmup: number },
): PipelineSimulation {
  return new PipelineSimulation(
    simulatedTiers(input, known, errors),
    { rate, arrivals: input.arrivals, seed: input.seed, ...size },
    correlation,
  )
}

function simulatedTiers(input: RecommendInput, known: readonly Known[], errors: number): SimulatedTier[] {
  return known.map(({ now, calibrated }) => ({
    name: now.tier,
    model: slowed(calibrated.model, 1 + errors * calibrated.error),
    replicas: now.replicas,
    policy: now.policy ?? input.policy,
    visits: now.visits ?? 1,
    contention: calibrated.contention,
  }))
}

/** Null where no pipeline of just these tiers was measured. */
function pipelineCorrelation(input: RecommendInput, known: readonly Known[]): Correlation | null {
  const measured = input.measurements.find(({ stage, tier }) => stage === 'pipeline' && tier === null)
  if (measured === undefined || known.length < 2 || known.length < input.tiers.length) return null
  const counts = known.map(({ now }) => ({ replicas: measured.counts?.[now.tier] ?? now.replicas }))
  const knee = Math.min(
    ...known.map(({ now, calibrated }, i) => (calibrated.ceiling * counts[i]!.replicas) / (now.visits ?? 1)),
  )
  const steps = measured.steps.filter(
    (step) => step.valid && !step.saturated && step.offered < 0.6 * knee && step.samples.length > 0,
  )
  if (steps.length === 0) return null
  return correlationOf(
    simulatedTiers(input, known, 0),
    { counts, arrivals: measured.arrivals ?? { kind: 'poisson' }, steps },
    input.seed,
  )
}

/** The same tier with every time longer by a factor. */
function slowed(model: TierModel, factor: number): TierModel {
  const longer = (table: Table): Table => (factor === 1 ? table : table.map((value) => value * factor))
  switch (model.kind) {
    case 'fifo':
      return { ...model, service: longer(model.service) }
    case 'batching':
      return { ...model, alphaMs: model.alphaMs * factor, own: longer(model.own) }
    case 'continuous':
      return {
        ...model,
        alphaMs: model.alphaMs * factor,
        betaMs: model.betaMs * factor,
        prefill: longer(model.prefill),
      }
  }
}

function countsOf(known: readonly Known[], counts: readonly number[]): TierCounts[] {
  return known.map(({ now }, i) =>
    now.collection === undefined
      ? { replicas: counts[i]! }
      : { replicas: counts[i]!, shards: now.collection.shards, replication: now.collection.replication },
  )
}

function axisOf({ now, calibrated }: Known, input: RecommendInput, rate: number): Axis {
  const most = (input.limits.replicas ?? 1000) - input.spare
  let least = 1
  while (least < most && utilization(calibrated, least, rate * (now.visits ?? 1)) > 1) least++
  return { least, most, price: priceOf(now, input) ?? 1e-3 }
}

/** Of the ceiling. */
function utilization(calibrated: Calibrated, replicas: number, rate: number): number {
  return (rate * (1 + calibrated.contention * (replicas - 1))) / (replicas * calibrated.ceiling)
}

function priceOf(now: TierNow, input: RecommendInput): number | null {
  if (now.gpu !== undefined) {
    const hour = input.prices.gpuHour[now.gpu]
    return hour === undefined ? null : hour * (now.gpus ?? 1)
  }
  return input.prices.replicaHour[now.tier] ?? null
}

function withinLimits(counts: readonly number[], known: readonly Known[], input: RecommendInput): boolean {
  const { gpus, budgetPerMonth } = input.limits
  let gpuCount = 0
  let perMonth = 0
  known.forEach(({ now }, i) => {
    const all = counts[i]! + input.spare
    if (now.gpu !== undefined) gpuCount += all * (now.gpus ?? 1)
    perMonth += all * (priceOf(now, input) ?? 0) * hoursPerMonth
  })
  return (gpus === null || gpuCount <= gpus) && (budgetPerMonth === null || perMonth <= budgetPerMonth)
}

/** Which times an SLO looks at; null when nothing measured tells of it. */
function judge(slo: Slo, known: readonly Known[]): ((simulated: Simulated) => Float64Array | null) | null {
  if (slo.percentile === null) return null
  if (slo.stage === 'pipeline') {
    if (slo.metric === 'latency') return (simulated) => simulated.latencyMs
    if (slo.metric === 'ttft' || slo.metric === 'rag_ttft') return (simulated) => simulated.ttftMs
    return null
  }
  const index = known.findIndex(({ now }) => stageOfTier[now.tier] === slo.stage)
  if (index < 0) return null
  if (slo.metric === 'latency') return (simulated) => simulated.tierMs[index]!
  if (slo.metric === 'ttft') return (simulated) => simulated.tierTtftMs[index]!
  return null
}

const probabilityOf = { p50: 0.5, p90: 0.9, p95: 0.95, p99: 0.99, p999: 0.999 } as const

function valueOf(slo: Slo, simulated: Simulated, known: readonly Known[]): number | null {
  const times = judge(slo, known)?.(simulated)
  if (times === undefined || times === null || slo.percentile === null) return null
  return quantileOfSorted(times.slice().sort(), probabilityOf[slo.percentile])
}

function worstOf(simulated: Simulated, slo: readonly Slo[], known: readonly Known[]): number {
  return Math.max(0, ...slo.map((one) => (valueOf(one, simulated, known) ?? 0) / one.limit))
}

function predictedSlo(
  slo: Slo,
  known: readonly Known[],
  [best, quicker, slower]: readonly [Simulated, Simulated, Simulated],
): PredictedSlo {
  const base = { on: slo.on, unit: slo.unit, limit: slo.limit }
  const value = valueOf(slo, best, known)
  if (value === null || slo.percentile === null)
    return {
      ...base,
      predicted: null,
      band: null,
      ok: null,
      because: 'nothing that was measured tells of it',
    }
  const [estimate] = quantilesWithin(judge(slo, known)!(best)!, [probabilityOf[slo.percentile]])
  const band = bandOf(estimate!, valueOf(slo, quicker, known)!, valueOf(slo, slower, known)!)
  return {
    ...base,
    predicted: rounded(value),
    band,
    ok: value <= slo.limit,
    because: 'simulated with the measured laws at the recommended counts',
  }
}

function tierRecommendation(
  one: Known,
  then: number,
  needed: number,
  axis: Axis,
  rate: number,
  input: RecommendInput,
): TierRecommendation {
  const { now, calibrated } = one
  const visits = now.visits ?? 1
  const knee = calibrated.knee ?? calibrated.ceiling
  const share = (rate * visits * (1 + calibrated.contention * (then - 1))) / (then * knee)
  const boundBy =
    input.spare > 0 ? 'spare' : needed > axis.least ? 'latency' : needed === 1 ? 'minimum' : 'utilization'
  return {
    now: shown(now, now.replicas),
    // eslint-disable-next-line unicorn/no-thenable -- a field of the recommendation's format, never a function
    then: shown(now, then),
    capacityPerReplica: rounded(calibrated.ceiling),
    capacityBand: [
      rounded(calibrated.ceiling * (1 - 2 * calibrated.error)),
      rounded(calibrated.ceiling * (1 + 2 * calibrated.error)),
    ],
    kneePerReplica: calibrated.knee === null ? null : rounded(calibrated.knee),
    utilization: rounded(share),
    boundBy,
    confidence: calibrated.confidence,
    model: calibrated.model.kind,
    visits,
    because: [
      ...calibrated.because,
      `${show(rate * visits)}/s over ${then} is ${show((100 * rate * visits) / then / knee)} % of the ${calibrated.knee === null ? 'highest measured rate' : 'knee'}; at most ${kneeShare * 100} % is allowed.`,
    ],
  }
}

function shown(now: TierNow, n: number): Counts {
  if (now.collection !== undefined)
    return { nodes: n, shards: now.collection.shards, replication: now.collection.replication }
  return { replicas: n, ...(now.tensorParallel === undefined ? {} : { tensorParallel: now.tensorParallel }) }
}
