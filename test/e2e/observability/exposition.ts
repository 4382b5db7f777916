/** Prometheus' text format, as far as a test asks it. */

export interface Family {
  readonly name: string
  readonly type: string
  /** Finite upper bounds, rising; of a histogram. */
  readonly buckets: readonly number[]
}

export function familiesOf(text: string): ReadonlyMap<string, Family> {
  const families = new Map<string, Family>()
  for (const [, name = '', type = ''] of text.matchAll(/^# TYPE (\S+) (\S+)$/gm)) {
    const bounds = [...text.matchAll(new RegExp(`^${name}_bucket\\{.*le="([^"]+)".*\\}`, 'gm'))]
      .map(([, bound]) => Number(bound))
      .filter(Number.isFinite)
    families.set(name, { name, type, buckets: [...new Set(bounds)].sort((a, b) => a - b) })
  }
  return families
}
