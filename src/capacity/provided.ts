/**
 * A tier that an API provider runs: its capacity is what the account's limits allow, and not a measured knee; its
 * times are the provider's own, whatever we send within the limits; its cost is by the token.
 */
import { countOf, meanOf, tableOf } from './distribution.ts'
import { show } from './explain-calibration.ts'
import type { Calibrated } from './model.ts'
import { failuresOf, fewestSamples, overloaded } from './overload.ts'
import type { Distribution, MeasuredStep, Measurement, Provided, TierNow } from './types.ts'

/** Limits are per minute and bursts are refused: no more than this share of them is used. */
export const limitShare = 0.85

interface Terms {
  readonly requestsPerMinute: number | null
  readonly tokensPerMinute: number | null
  /** Per million tokens. */
  readonly inputPrice: number | null
  readonly outputPrice: number | null
}

/** What a provider's limits and prices come to for requests of so many tokens, in and out, each. */
export function providedBy(terms: Terms, tokens: { input: number; output: number; from: string }): Provided {
  const { requestsPerMinute, tokensPerMinute, inputPrice, outputPrice } = terms
  const each = tokens.input + tokens.output
  const byRequests = requestsPerMinute === null ? null : requestsPerMinute / 60
  const byTokens = tokensPerMinute === null || each === 0 ? null : tokensPerMinute / 60 / each
  const limits = [byRequests, byTokens].filter((limit) => limit !== null)
  const lower = limits.length === 0 ? null : Math.min(...limits)
  const sized = `${show(tokens.input)} tokens read and ${show(tokens.output)} written by a request (${tokens.from})`
  const priced = inputPrice !== null && (outputPrice !== null || tokens.output === 0)
  const price = priced ? (inputPrice * tokens.input + (outputPrice ?? 0) * tokens.output) / 1e6 : null
  return {
    requestsPerSecond: lower,
    pricePerRequest: price,
    because: [
      ...(byRequests === null
        ? []
        : [`The account allows ${requestsPerMinute} requests a minute: ${show(byRequests)}/s.`]),
      ...(byTokens === null
        ? []
        : [`It allows ${tokensPerMinute} tokens a minute, with ${sized}: ${show(byTokens)}/s.`]),
      ...(lower === null ? ['No limit of the account is known (requestsPerMinute, tokensPerMinute).'] : []),
      ...(price === null
        ? ['Its price is not known (prices).']
        : [`A request costs ${show(price)}, with ${sized}.`]),
    ],
  }
}

/** The provider's times, from every step that its limits did not refuse; within them they do not depend on the rate. */
export function calibrateProvided(
  now: TierNow,
  provided: Provided,
  measurements: readonly Measurement[],
  alone: boolean,
): Calibrated | { readonly reason: string } {
  const steps = measurements
    .flatMap((measurement) => measurement.steps)
    .filter((step) => step.valid && !overloaded(step) && countOf(step.samples) >= fewestSamples)
    .sort((a, b) => a.offered - b.offered)
  const highest = steps.at(-1)
  if (highest === undefined)
    return { reason: 'no rate was measured that may be believed and was not refused' }
  const latency = merged(steps.map((step) => step.samples))
  const first = merged(steps.flatMap((step) => (step.ttft === undefined ? [] : [step.ttft])))
  const limit = provided.requestsPerSecond
  const runs = [...new Set(measurements.map(({ run }) => run))]
  return {
    tier: now.tier,
    model: {
      kind: 'independent',
      latency: tableOf(latency),
      ttft: first.length === 0 ? null : tableOf(first),
      outputTokens: Math.max(1, meanTokens(steps)),
    },
    knee: limit,
    ceiling: limit === null ? highest.offered : limitShare * limit,
    error: errorOf(steps),
    measured: { lowest: steps[0]!.offered, highest: highest.offered },
    contention: 0,
    contentionKnown: true,
    replicasMeasured: 1,
    mismatch: 1,
    alone,
    errorsShare: failuresOf(steps),
    runs,
    because: [
      'Somebody else runs it: there are no replicas to count.',
      ...provided.because,
      `Its times are those of ${countOf(latency)} requests at up to ${show(highest.offered)}/s (${runs.length === 1 ? 'run' : 'runs'} ${runs.join(', ')}), ${show(meanOf(latency))} ms on average; within its limits they do not depend on what we send.`,
    ],
  }
}

function merged(distributions: readonly Distribution[]): Distribution {
  const counts = new Map<number, number>()
  for (const distribution of distributions)
    for (const [value, count] of distribution) counts.set(value, (counts.get(value) ?? 0) + count)
  return [...counts].sort((a, b) => a[0] - b[0])
}

function meanTokens(steps: readonly MeasuredStep[]): number {
  const known = steps.flatMap(({ outputTokens }) => (outputTokens === undefined ? [] : [outputTokens]))
  return known.length === 0 ? 1 : known.reduce((sum, tokens) => sum + tokens, 0) / known.length
}

/**
 * Relative standard error of the mean time: that of the samples, or of the steps' means where these differ by more,
 * as they do when a provider is slower at one hour than at another.
 */
function errorOf(steps: readonly MeasuredStep[]): number {
  const all = merged(steps.map((step) => step.samples))
  const mean = meanOf(all)
  const square = all.reduce((sum, [value, count]) => sum + count * (value - mean) ** 2, 0)
  const within = Math.sqrt(square) / countOf(all) / mean
  if (steps.length < 2) return within
  const means = steps.map((step) => meanOf(step.samples))
  const middle = means.reduce((sum, one) => sum + one, 0) / means.length
  const spread = means.reduce((sum, one) => sum + (one - middle) ** 2, 0) / (means.length - 1)
  return Math.max(within, Math.sqrt(spread / means.length) / middle)
}
