/** Numbers as Rust's serde_json prints them: the shortest digits that read back, `1.0` for a whole float. */

/** A single-precision number; null for what JSON cannot hold. */
export function float32Text(value: number): string {
  if (!Number.isFinite(value)) return 'null'
  if (value === 0) return Object.is(value, -0) ? '-0.0' : '0.0'
  for (let digits = 6; digits < 9; digits++) {
    const text = value.toExponential(digits - 1)
    if (Math.fround(Number(text)) === value) return layOut(text, -6, 13)
  }
  return layOut(value.toExponential(8), -6, 13)
}

/** A double-precision number. */
export function float64Text(value: number): string {
  if (!Number.isFinite(value)) return 'null'
  if (value === 0) return Object.is(value, -0) ? '-0.0' : '0.0'
  return layOut(value.toExponential(), -5, 16)
}

/** Seconds with nanosecond resolution, from milliseconds. */
export function secondsText(milliseconds: number): string {
  return float64Text(Math.round(milliseconds * 1e6) / 1e9)
}

/**
 * `scientific` is `d.ddde±x`. Plain notation is used while the decimal point lies after the position `low`
 * and up to `high`, counted from the first digit.
 */
function layOut(scientific: string, low: number, high: number): string {
  const negative = scientific.startsWith('-')
  const at = scientific.indexOf('e')
  const digits = scientific
    .slice(negative ? 1 : 0, at)
    .replace('.', '')
    .replace(/0+$/, '')
  const point = Number(scientific.slice(at + 1)) + 1
  const sign = negative ? '-' : ''
  if (point > 0 && point <= high) {
    if (digits.length <= point) return `${sign}${digits.padEnd(point, '0')}.0`
    return `${sign}${digits.slice(0, point)}.${digits.slice(point)}`
  }
  if (point > low && point <= 0) return `${sign}0.${'0'.repeat(-point)}${digits}`
  const mantissa = digits.length === 1 ? digits : `${digits[0]}.${digits.slice(1)}`
  return `${sign}${mantissa}e${point - 1}`
}
