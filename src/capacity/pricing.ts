import type { PriceTable, TierNow } from './types.ts'

export const hoursPerMonth = 730

/** Price of an hour of one replica; null where the table has none. */
export function hourOf(now: TierNow, prices: PriceTable): number | null {
  if (now.provided !== undefined) return null
  if (now.gpu === undefined) return prices.replicaHour[now.tier] ?? null
  const hour = prices.gpuHour[now.gpu]
  return hour === undefined ? null : hour * (now.gpus ?? 1)
}

/** At `rate` queries a second: replicas by the hour, providers by the request. */
export function costPerMonth(
  tiers: readonly TierNow[],
  counts: readonly number[],
  prices: PriceTable,
  rate: number,
): number {
  const secondsPerMonth = hoursPerMonth * 3600
  return tiers.reduce((sum, now, i) => {
    const requests = rate * (now.visits ?? 1) * secondsPerMonth
    const provided = (now.provided?.pricePerRequest ?? 0) * requests
    return sum + provided + (hourOf(now, prices) ?? 0) * counts[i]! * hoursPerMonth
  }, 0)
}

/** Whether the table, or the provider's own prices, say what the tier costs. */
export function isPriced(now: TierNow, prices: PriceTable): boolean {
  return now.provided === undefined ? hourOf(now, prices) !== null : now.provided.pricePerRequest !== null
}

/** GPUs of all tiers together. */
export function gpusOf(tiers: readonly TierNow[], counts: readonly number[]): number {
  return tiers.reduce((sum, now, i) => sum + (now.gpu === undefined ? 0 : counts[i]! * (now.gpus ?? 1)), 0)
}
