/** The text format in which Prometheus is told metrics (docs/instrumenting/exposition_formats.md of prometheus/docs). */

export interface Series {
  /** As it is written: of a histogram with `_bucket`, `_sum` or `_count` at its end. */
  readonly name: string
  readonly labels: Readonly<Record<string, string>>
  /** May be infinite or not a number. */
  readonly value: number
}

/** A line is neither a comment nor a series. */
export class MalformedExposition extends Error {}

/**
 * The series of an exposition, in its order; timestamps are left out.
 * @param wanted of which names; lines of others are not even read. Default: all
 * @throws MalformedExposition
 */
export function parseExposition(text: string, wanted?: ReadonlySet<string>): Series[] {
  return text.split('\n').flatMap((line) => {
    const trimmed = line.trim()
    if (trimmed === '' || trimmed.startsWith('#')) return []
    const name = metricName.exec(trimmed)?.[0]
    if (name === undefined) throw malformed(line)
    if (wanted !== undefined && !wanted.has(name)) return []
    return [seriesOf(name, trimmed.slice(name.length), line)]
  })
}

const metricName = /^[a-zA-Z_:][a-zA-Z0-9_:]*/
const label = /\s*([a-zA-Z_][a-zA-Z0-9_]*)\s*=\s*"((?:[^"\\]|\\.)*)"\s*/y
/** A value, and perhaps milliseconds since 1970. */
const rest = /^\s+(\S+)(?:\s+-?\d+)?$/

function seriesOf(name: string, after: string, line: string): Series {
  const { labels, end } = labelsOf(after, line)
  // Between a name and its value there is a blank, between the labels and the value there may be none.
  const value = rest.exec(end === 0 ? after : ` ${after.slice(end)}`)?.[1]
  if (value === undefined) throw malformed(line)
  return { name, labels, value: numberOf(value, line) }
}

function labelsOf(after: string, line: string): { labels: Record<string, string>; end: number } {
  const open = /^\s*\{/.exec(after)
  if (open === null) return { labels: {}, end: 0 }
  const labels: [string, string][] = []
  let at = open[0].length
  for (;;) {
    label.lastIndex = at
    const found = label.exec(after)
    if (found === null) break
    labels.push([found[1] ?? '', unescaped(found[2] ?? '')])
    at = label.lastIndex
    if (after[at] !== ',') break
    at++
  }
  const close = /^\s*\}/.exec(after.slice(at))
  if (close === null) throw malformed(line)
  return { labels: Object.fromEntries(labels), end: at + close[0].length }
}

/** A backslash stands before a backslash, a quote and the `n` of a line's end; before anything else for itself. */
function unescaped(text: string): string {
  return text.replace(/\\([\\"n])/g, (_, letter: string) => (letter === 'n' ? '\n' : letter))
}

function numberOf(text: string, line: string): number {
  switch (text.toLowerCase()) {
    case '+inf':
    case 'inf':
      return Infinity
    case '-inf':
      return -Infinity
    case 'nan':
      return NaN
  }
  const value = Number(text)
  if (Number.isNaN(value)) throw malformed(line)
  return value
}

function malformed(line: string): MalformedExposition {
  return new MalformedExposition(`not a line of metrics: ${line.slice(0, 120)}`)
}
