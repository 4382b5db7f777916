/** What KEDA's cron trigger reads: expressions of five fields (robfig/cron's standard parser) and IANA time zones. */

interface Field {
  readonly name: string
  readonly min: number
  readonly max: number
  readonly words: readonly string[]
}

const months = ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec']
const days = ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat']

const fields: readonly Field[] = [
  { name: 'minute', min: 0, max: 59, words: [] },
  { name: 'hour', min: 0, max: 23, words: [] },
  { name: 'day of the month', min: 1, max: 31, words: [] },
  { name: 'month', min: 1, max: 12, words: months },
  { name: 'day of the week', min: 0, max: 6, words: days },
]

/** What is wrong with an expression, in words; null for a right one. */
export function cronProblem(text: string): string | null {
  const parts = text.trim().split(/\s+/)
  const meant = 'minute, hour, day of the month, month, day of the week, such as 0 8 * * 1-5'
  if (parts.length !== fields.length) {
    return `expected a cron expression of five fields (${meant}), got ${JSON.stringify(text)}`
  }
  for (const [index, field] of fields.entries()) {
    const part = parts[index] ?? ''
    if (part.split(',').every((range) => isRange(range, field))) continue
    return `expected for the ${field.name} ${field.min} to ${field.max}, a range, a list or *, got ${JSON.stringify(part)}`
  }
  return null
}

// One of a list: `*`, `*/5`, `8`, `8/2`, `8-17`, `8-17/2`, `mon-fri`.
function isRange(text: string, field: Field): boolean {
  const [range = '', step, ...more] = text.split('/')
  if (more.length > 0 || (step !== undefined && !/^[1-9]\d*$/.test(step))) return false
  if (range === '*' || range === '?') return true
  const [low, high, ...others] = range.split('-').map((end) => valueOf(end, field))
  if (others.length > 0 || low === undefined || low === null || high === null) return false
  return high === undefined || low <= high
}

function valueOf(text: string, { min, max, words }: Field): number | null {
  const word = words.indexOf(text.toLowerCase())
  const value = word !== -1 ? word + min : /^\d+$/.test(text) ? Number(text) : Number.NaN
  return value >= min && value <= max ? value : null
}

/** What is wrong with a time zone's name; null for one that the IANA database has, in its own spelling. */
export function timeZoneProblem(name: string): string | null {
  const expected = `expected an IANA time zone such as Europe/Berlin, got ${JSON.stringify(name)}`
  const lower = name.toLowerCase()
  const zones = ['UTC', ...Intl.supportedValuesOf('timeZone')]
  const known = zones.find((zone) => zone.toLowerCase() === lower)
  if (known !== undefined) return known === name ? null : `${expected}: did you mean ${known}?`
  // Links such as Asia/Calcutta are names too, and are not among the supported values of every engine.
  return /^[A-Z]\w*(?:[/+-]\w+)*$/.test(name) && isKnownZone(name) ? null : expected
}

function isKnownZone(name: string): boolean {
  try {
    return new Intl.DateTimeFormat('en', { timeZone: name }).resolvedOptions().timeZone !== ''
  } catch {
    return false
  }
}
