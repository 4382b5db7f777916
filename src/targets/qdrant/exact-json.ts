/**
 * JSON that is read and written again to the letter: numbers that JavaScript would change (whole ones beyond
 * 2^53, `1.0`) are kept as their text.
 */

/** ES2026; TypeScript's libraries do not know it yet. */
const exact = JSON as unknown as {
  rawJSON(text: string): object
  isRawJSON(value: unknown): value is { readonly rawJSON: string }
}

export function parseExact(text: string): unknown {
  return JSON.parse(text, (_key, value: unknown, context?: { source?: string }) => {
    const source = context?.source
    return typeof value === 'number' && source !== undefined && String(value) !== source
      ? exact.rawJSON(source)
      : value
  })
}

/**
 * Whether two values of `parseExact` are the same, in whatever order their keys are.
 * @param tolerance how much numbers may differ, as a share of the larger; 0: not in a digit
 */
export function sameJson(a: unknown, b: unknown, tolerance = 0): boolean {
  const [first, second] = [numberText(a), numberText(b)]
  if (first !== null && second !== null)
    return first === second || near(Number(first), Number(second), tolerance)
  if (first !== null || second !== null) return false
  if (Array.isArray(a) && Array.isArray(b))
    return a.length === b.length && a.every((value, index) => sameJson(value, b[index], tolerance))
  if (!isRecord(a) || !isRecord(b)) return a === b
  const keys = Object.keys(a)
  return (
    keys.length === Object.keys(b).length &&
    keys.every((key) => Object.hasOwn(b, key) && sameJson(a[key], b[key], tolerance))
  )
}

function numberText(value: unknown): string | null {
  if (typeof value === 'number') return String(value)
  return exact.isRawJSON(value) ? value.rawJSON : null
}

function near(a: number, b: number, tolerance: number): boolean {
  return tolerance > 0 && Math.abs(a - b) <= tolerance * Math.max(1, Math.abs(a), Math.abs(b))
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
