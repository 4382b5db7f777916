import type { Tier } from '../stack/stack.ts'
import { calibrate } from './calibrate.ts'
import { predictedOf, rounded } from './estimate.ts'
import { show } from './explain-calibration.ts'
import { tierRecommendation, type Decision } from './explain.ts'
import { judged, predictedSlo, stageOfTier, worstOf, type Judged, type Simulations } from './judge.ts'
import type { Calibrated } from './model.ts'
import { capacityWithin } from './own-slo.ts'
import { pipelineCorrelation, simulationOf, tierCounts, type Context, type Known } from './pipeline.ts'
import { costPerMonth, gpusOf, hourOf, hoursPerMonth, isPriced } from './pricing.ts'
import { cheapestCounts, type Axis, type Found } from './search.ts'
import type { PipelineSimulation } from './simulate.ts'
import type {
  Answer,
  PredictedMetric,
  Recommendation,
  RecommendInput,
  TierNow,
  TierRecommendation,
} from './types.ts'
import { fewestNodes } from './vector.ts'

/**
 * The recommended counts must hold with everything slower by this many standard errors of the measurements, all
 * tiers at once. More would be met more often, and would more often ask for a replica that is not needed.
 */
const caution = 0.8

/** Queries simulated to compare counts, and to predict. */
const searched = { queries: 30_000, warmup: 2_000 }
const predicted = { queries: 40_000, warmup: 3_000 }

/** Combinations of counts that are simulated, at most. */
const evaluations = 80

interface Unmeasured {
  readonly tier: Tier
  readonly run: string
  readonly reason: string
}

/** The cheapest counts that hold the rate within the SLOs, or why there is no answer. */
export function recommend(input: RecommendInput): Answer {
  const known: Known[] = []
  const unmeasured: Unmeasured[] = []
  for (const now of input.tiers) {
    const calibrated = calibrate(now, input)
    if ('reason' in calibrated)
      unmeasured.push({ tier: now.tier, run: runFor(now), reason: calibrated.reason })
    else known.push({ now, calibrated })
  }
  if (known.length === 0) return { ok: false, refusal: refusalOf(unmeasured) }
  const rate = input.rate * (input.growth ?? 1)
  const context: Context = { input, known, rate, correlation: pipelineCorrelation(input, known) }
  return { ok: true, recommendation: answerFor(context, unmeasured) }
}

function refusalOf(unmeasured: readonly Unmeasured[]) {
  const reasons = unmeasured.map(({ tier, reason }) => `${tier}: ${reason}`)
  return {
    because: `Not enough data. ${reasons.length === 0 ? 'The stack has no tier to count' : reasons.join('; ')}.`,
    run: [...new Set(unmeasured.map(({ run }) => run))],
  }
}

/** A provider's knee is known by its limits: one rate tells its times, and costs less. */
function runFor({ tier, provided }: TierNow): string {
  const scenario = provided === undefined ? 'sweep' : 'steady'
  return `ragscale loadtest --stage ${stageOfTier[tier] ?? 'pipeline'} --scenario ${scenario}`
}

function answerFor(context: Context, unmeasured: readonly Unmeasured[]): Recommendation {
  const { input, known } = context
  const missing = unmeasured.map(({ tier }) => tier)
  const slos = input.slo
    .map((slo) => judged(slo, known, missing))
    .filter((one): one is Judged => typeof one !== 'string')
  // Where failures alone break a percentile no count can mend it: it is shown as broken, and not searched for.
  const attainable = slos.filter(({ probability }) => probability < 1)
  const cautious = simulationOf(context, caution, searched)
  const worst = (counts: readonly number[]) =>
    worstOf(cautious.run(tierCounts(known, counts, input.spare)), attainable)
  const axes = known.map((one) => axisOf(one, context))
  const found = cheapestCounts(
    axes,
    (counts) => worst(counts).ratio,
    (counts) => withinLimits(counts, context),
    evaluations,
  )
  const then = withSpares(found.counts, context)
  const simulations = predictions(context, then)
  const decisions = known.map((one, i): Decision => {
    const fewer = found.counts.map((n, j) => (i === j ? n - 1 : n))
    const breaks = found.counts[i]! > axes[i]!.least ? worst(fewer) : null
    const own = attainable.filter(({ slo }) => slo.stage === stageOfTier[one.now.tier])
    return {
      needed: one.now.provided === undefined ? found.counts[i]! : 1,
      recommended: then[i]!,
      axis: axes[i]!,
      capacity: capacityWithin(
        one,
        then[i]!,
        own.map((slo) => alone(slo, one)),
        context,
      ),
      breaks: breaks !== null && breaks.ratio > 1 ? (breaks.slo?.on ?? null) : null,
    }
  })
  const today = known.map(({ now }) => now.replicas - (now.provided === undefined ? input.spare : 0))
  const slo = input.slo.map((one) => predictedSlo(one, known, missing, simulations))
  const outOfReach = slo.filter(({ ok }) => ok === false)
  return {
    schema: 'ragscale.recommendation/1',
    for: { rate: input.rate, slo: input.slo, spare: input.spare, growth: input.growth ?? 1 },
    from: [...new Set(known.flatMap(({ calibrated }) => calibrated.runs))],
    bottleneck: bottleneckOf(known, decisions),
    tiers: byTier(known, (one, i): TierRecommendation => tierRecommendation(one, decisions[i]!, context)),
    predicted: {
      latency: metricOf(simulations, (simulated) => simulated.latencyMs)!,
      ttft: metricOf(simulations, (simulated) => simulated.ttftMs),
      tiers: byTier(known, (_, i): PredictedMetric =>
        metricOf(simulations, (simulated) => simulated.tierMs[i]!)!,
      ),
    },
    slo,
    cost: costOf(context, then),
    sufficient: today.every((n, i) => n >= axes[i]!.least) && worst(today).ratio <= 1,
    feasible: found.feasible && outOfReach.length === 0,
    cheapest: found.cheapest,
    unmeasured: unmeasured.map(({ tier, run }) => ({ tier, run })),
    notes: notesOf(context, found, axes, cautious, attainable, unmeasured),
    verified: null,
  }
}

/** An SLO of one tier, for a simulation of that tier alone. */
function alone(one: Judged, tier: Known): Judged {
  const again = judged(one.slo, [tier], [])
  return typeof again === 'string' ? one : again
}

function byTier<T>(known: readonly Known[], of: (one: Known, index: number) => T): Partial<Record<Tier, T>> {
  return Object.fromEntries(known.map((one, i) => [one.now.tier, of(one, i)]))
}

function predictions(context: Context, counts: readonly number[]): Simulations {
  const at = tierCounts(context.known, counts, context.input.spare)
  const run = (errors: number) => simulationOf(context, errors, predicted).run(at)
  return { best: run(0), quicker: run(-2), slower: run(2) }
}

function metricOf(
  { best, quicker, slower }: Simulations,
  times: (simulated: Simulations['best']) => Float64Array | null,
): PredictedMetric | null {
  const middle = times(best)
  return middle === null ? null : predictedOf(middle, times(quicker)!, times(slower)!)
}

function axisOf({ now, calibrated }: Known, { input, rate }: Context): Axis {
  if (now.provided !== undefined) {
    // More of it cannot be had: where its limits do not hold the rate, nothing does.
    const least = demand(calibrated, 1, rate * (now.visits ?? 1)) > 1 ? 2 : 1
    return { least, most: 1, price: 1e-3, because: 'utilization' }
  }
  const most = Math.max(1, (input.limits.replicas ?? 1000) - input.spare)
  const available =
    now.collection === undefined ? 1 : Math.max(1, fewestNodes(now.collection, input.spare) - input.spare)
  let least = available
  while (least <= most && demand(calibrated, least, rate * (now.visits ?? 1)) > 1) least++
  // A tier without a price still costs something, or the search would heap it up.
  const price = hourOf(now, input.prices) ?? 1e-3
  return { least, most, price, because: least === available ? 'availability' : 'utilization' }
}

/** Of the ceiling. */
function demand({ contention, ceiling }: Calibrated, replicas: number, rate: number): number {
  return (rate * (1 + contention * (replicas - 1))) / (replicas * ceiling)
}

/** Of a provider there is one, and nothing of ours that could be lost. */
function withSpares(counts: readonly number[], { known, input }: Context): number[] {
  return counts.map((n, i) => (known[i]!.now.provided === undefined ? n + input.spare : 1))
}

function withinLimits(counts: readonly number[], context: Context): boolean {
  const { known, input, rate } = context
  const tiers = known.map(({ now }) => now)
  const all = withSpares(counts, context)
  const { gpus, budgetPerMonth } = input.limits
  if (gpus !== null && gpusOf(tiers, all) > gpus) return false
  return budgetPerMonth === null || costPerMonth(tiers, all, input.prices, rate) <= budgetPerMonth
}

function bottleneckOf(known: readonly Known[], decisions: readonly Decision[]): Recommendation['bottleneck'] {
  const capacities = known.map(({ now }, i) => (decisions[i]!.capacity * now.replicas) / (now.visits ?? 1))
  const at = capacities.indexOf(Math.min(...capacities))
  const { now } = known[at]!
  const each = show(decisions[at]!.capacity)
  const visits = now.visits === undefined || now.visits === 1 ? '' : ` ÷ ${show(now.visits)} visits a query`
  const sum = `${now.replicas} × ${each}/s${visits} is ${show(capacities[at]!)} queries a second`
  const others =
    known.length === 1
      ? 'it is the only tier that was measured'
      : 'the lowest of the tiers that were measured'
  return { tier: now.tier, capacity: rounded(capacities[at]!), because: `${sum}, ${others}.` }
}

function costOf({ known, input, rate }: Context, counts: readonly number[]): Recommendation['cost'] {
  const tiers = known.map(({ now }) => now)
  const perMonth = costPerMonth(tiers, counts, input.prices, rate)
  return {
    perMonth: rounded(perMonth),
    per1kQueries: rounded((perMonth / (rate * 3600 * hoursPerMonth)) * 1000),
    currency: input.prices.currency,
    pricesOf: input.prices.date,
    unpriced: tiers.filter((now) => !isPriced(now, input.prices)).map(({ tier }) => tier),
  }
}

/** The rate is more than a provider's limits allow, or than was measured of it where no limit is known. */
function limitNote({ now, calibrated }: Known, { rate }: Context): string {
  const needed = `${now.tier} would get ${show(rate * (now.visits ?? 1))}/s`
  return calibrated.knee === null
    ? `${needed}, and no more than ${show(calibrated.ceiling)}/s was measured of its provider: give its limits (requestsPerMinute, tokensPerMinute), or measure that rate.`
    : `${needed}, and of the ${show(calibrated.knee)}/s that its provider's limits allow at most ${show(calibrated.ceiling)}/s is used: ask the provider for higher limits, or send it fewer or shorter requests.`
}

function notesOf(
  context: Context,
  found: Found,
  axes: readonly Axis[],
  cautious: PipelineSimulation,
  slos: readonly Judged[],
  unmeasured: readonly Unmeasured[],
): string[] {
  const { known, input, correlation } = context
  const notes: string[] = []
  for (const { tier, reason, run } of unmeasured) notes.push(`No count for ${tier}: ${reason}. Run: ${run}`)
  axes.forEach((axis, i) => {
    if (axis.least <= axis.most) return
    if (known[i]!.now.provided !== undefined) {
      notes.push(limitNote(known[i]!, context))
      return
    }
    notes.push(
      `${known[i]!.now.tier} needs ${axis.least} replicas to stay below the knee, and limits.replicas is ${input.limits.replicas}.`,
    )
  })
  if (!found.feasible && axes.every((axis) => axis.least <= axis.most)) {
    const many = axes.map((axis) => Math.min(axis.most, axis.least * 4 + 8))
    const { ratio, slo } = worstOf(cautious.run(tierCounts(known, many, input.spare)), slos)
    notes.push(
      ratio > 1
        ? `No counts meet ${slo!.on}: with replicas to waste it would still be ${show(ratio)} × its limit. The work itself must become quicker, or the limit wider.`
        : 'The counts that meet every SLO are beyond limits.replicas, limits.gpus or limits.budget.',
    )
  }
  if (correlation !== null)
    notes.push(
      correlation.value > 0
        ? `A query that is slow in one tier is slow in the next (rank correlation about ${show(correlation.value)}, from ${correlation.queries} queries of the pipeline); the prediction has it so.`
        : `In the pipeline the tiers' times were independent of each other, as far as ${correlation.queries} queries tell.`,
    )
  else if (known.length > 1)
    notes.push(
      'No pipeline was measured whole at a low rate: the tiers are taken to be slow independently of each other.',
    )
  return notes
}
