/** How figures stand in the sentences that a run carries. */

export function showMs(ms: number): string {
  return `${significant(ms)} ms`
}

export function showShare(share: number): string {
  return `${significant(share * 100)} %`
}

/** Three digits that count, never in scientific notation. */
export function significant(value: number): string {
  if (value === 0 || !Number.isFinite(value)) return String(value)
  const digits = Math.max(0, 2 - Math.floor(Math.log10(Math.abs(value))))
  return String(Number(value.toFixed(Math.min(digits, 12))))
}
