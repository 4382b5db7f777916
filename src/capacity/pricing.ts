import type { PriceTable, TierNow } from './types.ts'

export const hoursPerMonth = 730

/** Price of an hour of one replica; null where the table has none. */
export function hourOf(now: TierNow, prices: PriceTable): number | null {
  if (now.gpu === undefined) return prices.replicaHour[now.tier] ?? null
  const hour = prices.gpuHour[now.gpu]
  return hour === undefined ? null : hour * (now.gpus ?? 1)
}

export function costPerMonth(
  tiers: readonly TierNow[],
  counts: readonly number[],
  prices: PriceTable,
): number {
  return tiers.reduce((sum, now, i) => sum + (hourOf(now, prices) ?? 0) * counts[i]! * hoursPerMonth, 0)
}

/** GPUs of all tiers together. */
export function gpusOf(tiers: readonly TierNow[], counts: readonly number[]): number {
  return tiers.reduce((sum, now, i) => sum + (now.gpu === undefined ? 0 : counts[i]! * (now.gpus ?? 1)), 0)
}
