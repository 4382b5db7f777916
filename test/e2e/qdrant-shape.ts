/** Compares two answers in everything but values. */

/** A number as its digits: whether it has a fraction is part of an answer's shape. */
class NumberText {
  readonly text: string
  constructor(text: string) {
    this.text = text
  }
}

interface ParseWithSource {
  parse(
    text: string,
    reviver: (key: string, value: unknown, context: { source?: string }) => unknown,
  ): unknown
}

export function parseKeepingNumbers(text: string): unknown {
  return (JSON as unknown as ParseWithSource).parse(text, (_key, value, { source }) =>
    typeof value === 'number' ? new NumberText(source ?? String(value)) : value,
  )
}

export interface Leniency {
  /** Paths, as patterns, at which any text will do: what the machine itself says. */
  readonly anyText?: RegExp
  /** Paths of maps whose keys are data, so that some may be missing. */
  readonly maps?: RegExp
  /** Paths at which null stands for what happens not to be there. */
  readonly nullable?: RegExp
  /** Paths of keys that may be missing. */
  readonly optional?: RegExp
  /** Paths at which order is chance. */
  readonly unordered?: RegExp
}

/** Every difference in keys, their order, types and masked texts; empty when there is none. */
export function differences(
  expected: unknown,
  actual: unknown,
  leniency: Leniency = {},
  path = '$',
): string[] {
  const kinds = [kindOf(expected), kindOf(actual)] as const
  if (kinds[0] !== kinds[1]) {
    if (leniency.nullable?.test(path) && kinds.includes('null')) return []
    return [`${path}: expected ${kinds[0]}, was ${kinds[1]}`]
  }
  if (expected instanceof NumberText && actual instanceof NumberText) {
    // A time that was never taken is told as 0.0 to the letter.
    if (path === '$.time' && expected.text === '0.0' && actual.text !== '0.0')
      return [`${path}: ${actual.text} is not 0.0`]
    return []
  }
  if (typeof expected === 'string') {
    if (leniency.anyText?.test(path) || mask(expected) === mask(actual as string)) return []
    return [`${path}: expected ${JSON.stringify(expected)}, was ${JSON.stringify(actual)}`]
  }
  if (Array.isArray(expected)) return listDifferences(expected, actual as unknown[], leniency, path)
  if (typeof expected === 'object' && expected !== null) {
    return mapDifferences(
      expected as Record<string, unknown>,
      actual as Record<string, unknown>,
      leniency,
      path,
    )
  }
  return []
}

function listDifferences(expected: unknown[], actual: unknown[], leniency: Leniency, path: string): string[] {
  if ((expected.length === 0) !== (actual.length === 0))
    return [`${path}: ${expected.length} elements, was ${actual.length}`]
  return actual.flatMap((element, index) => {
    const to = (one: unknown) => differences(one, element, leniency, `${path}[]`)
    return expected.some((one) => to(one).length === 0)
      ? []
      : to(expected[Math.min(index, expected.length - 1)])
  })
}

function mapDifferences(
  expected: Record<string, unknown>,
  actual: Record<string, unknown>,
  leniency: Leniency,
  path: string,
): string[] {
  if (leniency.maps?.test(path)) {
    const sample = Object.values(expected)[0]
    return Object.entries(actual).flatMap(([key, value]) =>
      differences(expected[key] ?? sample, value, leniency, `${path}.*`),
    )
  }
  const isOptional = (key: string) => leniency.optional?.test(`${path}.${key}`) ?? false
  const names = (map: Record<string, unknown>) => {
    const keys = Object.keys(map).map(mask)
    return leniency.unordered?.test(path) ? keys.toSorted() : keys
  }
  const wanted = names(expected).filter((key) => !isOptional(key))
  const found = names(actual).filter((key) => !isOptional(key))
  if (wanted.join() !== found.join()) return [`${path}: expected keys ${wanted.join()}, was ${found.join()}`]
  const byMask = new Map(Object.entries(expected).map(([key, value]) => [mask(key), value]))
  return Object.entries(actual).flatMap(([key, value]) =>
    byMask.has(mask(key)) ? differences(byMask.get(mask(key)), value, leniency, `${path}.${mask(key)}`) : [],
  )
}

function kindOf(value: unknown): string {
  if (value === null) return 'null'
  if (value instanceof NumberText) return /[.e]/.test(value.text) ? 'float' : 'integer'
  return Array.isArray(value) ? 'list' : typeof value
}

/** Takes out what is data: numbers of any kind, and UUIDs. */
export function mask(text: string): string {
  return text
    .replace(/[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/g, '<uuid>')
    .replace(/\d+(?:\.\d+)?/g, '<n>')
}
