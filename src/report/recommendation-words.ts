/** What every view of a recommendation says in the same words. */
import { counted } from '../stack/counted.ts'
import { z } from 'zod'
import type { Counts, PredictedSlo, Recommendation, TierRecommendation } from '../capacity/types.ts'
import { bytes, duration, figure, rate, share } from './format.ts'

/** `3 nodes, 6 shards × 2`, `4 × TP 2`, `4`. */
export function countsText(counts: Counts): string {
  const parts: string[] = []
  if (counts.replicas !== undefined) {
    const parallel = (counts.tensorParallel ?? 1) > 1 ? ` × TP ${counts.tensorParallel}` : ''
    parts.push(`${counts.replicas}${parallel}`)
  }
  if (counts.nodes !== undefined) parts.push(counted(counts.nodes, 'node'))
  if (counts.shards !== undefined) {
    parts.push(
      `${counted(counts.shards, 'shard')}${counts.replication === undefined ? '' : ` × ${counts.replication}`}`,
    )
  }
  return parts.length === 0 ? '–' : parts.join(', ')
}

/** What a node of the vector tier needs, or null where that is not known. */
export function memoryText({ memoryPerNodeBytes }: Counts): string | null {
  return memoryPerNodeBytes === undefined ? null : `${bytes(memoryPerNodeBytes)} a node`
}

/** One sentence that answers the question. */
export function answer(recommendation: Recommendation): { word: string; sentence: string } {
  const wanted = rate(recommendation.for.rate * recommendation.for.growth)
  if (!recommendation.feasible)
    return { word: 'NOT FEASIBLE', sentence: `no counts within the limits hold ${wanted}` }
  if (recommendation.sufficient) return { word: 'ENOUGH', sentence: `today's counts hold ${wanted}` }
  return { word: 'NOT ENOUGH', sentence: `today's counts do not hold ${wanted}; the counts below do` }
}

export function basis(recommendation: Recommendation): string {
  const { rate: asked, growth, spare, slo } = recommendation.for
  return [
    `for ${rate(asked)}${growth === 1 ? '' : ` × ${figure(growth)}`}`,
    slo.length === 0 ? 'no SLO set' : `${slo.length} SLO${slo.length === 1 ? '' : 's'}`,
    ...(spare === 0 ? [] : [`${spare} to spare in each tier`]),
    `from ${recommendation.from.join(', ')}`,
  ].join(' · ')
}

export function sloPrediction(row: PredictedSlo): {
  limit: string
  predicted: string
  band: string
  state: string
} {
  const show = row.unit === 'ratio' ? share : duration
  return {
    limit: show(row.limit),
    predicted: show(row.predicted),
    band: row.band === null ? '–' : `${show(row.band[0])} to ${show(row.band[1])}`,
    state: row.ok === null ? 'not known' : row.ok ? 'met' : 'broken',
  }
}

export function costText({ cost }: Recommendation): string {
  const priced = `${figure(cost.perMonth)} ${cost.currency} a month, ${figure(cost.per1kQueries)} ${cost.currency} per 1,000 queries (prices of ${cost.pricesOf})`
  return cost.unpriced.length === 0
    ? priced
    : `${priced}; without ${cost.unpriced.join(', ')}, which the price table does not hold`
}

export function hasCost({ cost }: Recommendation): boolean {
  return cost.perMonth > 0
}

export function tierRows(recommendation: Recommendation): [string, TierRecommendation][] {
  return Object.entries(recommendation.tiers)
}

/** What is said besides the counts: what stands against them, and what is not known. */
export function remarks(recommendation: Recommendation): string[] {
  return [
    ...tierRows(recommendation).flatMap(([tier, one]) => {
      const memory = memoryText(one.then)
      return memory === null ? [] : [`${tier} needs ${memory}`]
    }),
    ...recommendation.notes,
    ...recommendation.slo.flatMap((row) =>
      row.ok === null ? [`${row.on} could not be predicted: ${row.because}`] : [],
    ),
    ...recommendation.unmeasured.map(
      ({ tier, run }) => `nothing was measured of ${tier}, so its counts are not judged; measure it: ${run}`,
    ),
    ...(recommendation.cheapest ? [] : ['not every cheaper combination was ruled out']),
  ]
}

const verification = z.object({
  run: z.string(),
  ok: z.boolean().nullable(),
  because: z.array(z.string()),
  metrics: z.array(
    z.object({
      on: z.string(),
      predictedMs: z.number(),
      bandMs: z.tuple([z.number(), z.number()]).nullable(),
      measuredMs: z.number().nullable(),
    }),
  ),
})

export type ShownVerification = z.output<typeof verification>

/** What `recommend --verify` found, or null where nothing was verified. */
export function verified(recommendation: Recommendation): ShownVerification | null {
  const parsed = verification.safeParse(recommendation.verified)
  return parsed.success ? parsed.data : null
}

export function verifiedSentence({ ok, run }: ShownVerification): string {
  if (ok === null) return `not verified: the measurement ${run} may not be believed`
  return ok ? `verified by ${run}: every SLO held` : `not verified: in ${run} an SLO broke`
}
