/** What a replica says of its own load: from its metrics, in the words of the catalogue's signals. */
import { type Joining, type SignalSource, type SignalSources, signalNamed } from '../../catalog/signals.ts'
import { type Series, parseExposition } from './exposition.ts'

/** The values that a component's signals are made of, at one time. */
export interface ComponentReading {
  /** Milliseconds of a clock that does not jump. */
  readonly atMs: number
  /** By metric: the value of each of its series. */
  readonly series: ReadonlyMap<string, readonly number[]>
}

export interface ComponentSample {
  /** Requests that wait in the replica; null where it does not say. */
  readonly queue: number | null
  /** By signal; those of which nothing is known yet are left out. */
  readonly signals: Readonly<Record<string, number>>
}

/** @throws MalformedExposition */
export function componentReading(text: string, sources: SignalSources, atMs: number): ComponentReading {
  const wanted = new Set(Object.values(sources).flatMap((source) => metricsOf(source)))
  const series = Map.groupBy(
    parseExposition(text, wanted).filter(({ value }) => Number.isFinite(value)),
    ({ name }) => name,
  )
  return { atMs, series: new Map([...series].map(([name, list]) => [name, list.map(valueOf)])) }
}

/**
 * What two readings of one process tell. Gauges are of the later one; what is counted is of the time between, and
 * is left out without an earlier reading, or where a counter began anew.
 */
export function componentSample(
  sources: SignalSources,
  before: ComponentReading | null,
  now: ComponentReading,
): ComponentSample {
  const figures = Object.entries(sources).flatMap(([name, source]): [string, number][] => {
    const value = figureOf(source, signalNamed(name)?.over ?? 'sum', before, now)
    return value === null ? [] : [[name, value]]
  })
  const { queue = null, ...found } = Object.fromEntries(figures)
  return { queue, signals: found }
}

function figureOf(
  source: SignalSource,
  over: Joining,
  before: ComponentReading | null,
  now: ComponentReading,
): number | null {
  if ('gauge' in source) {
    const value = joined(now.series.get(source.gauge), over)
    if (source.of === undefined || value === null) return value
    const whole = joined(now.series.get(source.of), over)
    return whole === null || whole === 0 ? null : value / whole
  }
  if (before === null) return null
  if ('rate' in source) {
    const seconds = (now.atMs - before.atMs) / 1000
    const grown = growth(source.rate, before, now)
    return grown === null || seconds <= 0 ? null : grown / seconds
  }
  const part = growth(source.grown, before, now)
  const whole = growth(source.of, before, now)
  return part === null || whole === null || whole === 0 ? null : part / whole
}

/**
 * Over all series of a counter. One that is not there has counted nothing yet, if another is; a counter that fell
 * began anew.
 */
function growth(metric: string, before: ComponentReading, now: ComponentReading): number | null {
  const after = joined(now.series.get(metric), 'sum')
  if (after === null) return null
  const grown = after - (joined(before.series.get(metric), 'sum') ?? 0)
  return grown < 0 ? null : grown
}

function joined(values: readonly number[] | undefined, over: Joining): number | null {
  if (values === undefined || values.length === 0) return null
  if (over === 'max') return Math.max(...values)
  const total = values.reduce((sum, value) => sum + value, 0)
  return over === 'sum' ? total : total / values.length
}

function metricsOf(source: SignalSource): string[] {
  if ('gauge' in source) return source.of === undefined ? [source.gauge] : [source.gauge, source.of]
  return 'rate' in source ? [source.rate] : [source.grown, source.of]
}

function valueOf({ value }: Series): number {
  return value
}
