import { ExitCode, UserError } from '../errors.ts'
import type { Arrivals } from './stack.ts'

export const arrivalsExamples = 'poisson, constant, gamma:2 (burstiness) or trace:FILE'

/** Null when the text names no arrival process; a trace's file is as written. */
export function readArrivals(text: string): Arrivals | null {
  if (text === 'poisson' || text === 'constant') return { kind: text }
  if (text.startsWith('trace:') && text.length > 'trace:'.length) {
    return { kind: 'trace', file: text.slice('trace:'.length) }
  }
  const gamma = /^gamma:(\d+(?:\.\d+)?)$/.exec(text)
  const burstiness = Number(gamma?.[1])
  return burstiness >= 0.01 && burstiness <= 1000 ? { kind: 'gamma', burstiness } : null
}

/** Throws a UserError (exit 2); `where` is the flag or key it was written at. */
export function parseArrivals(text: string, where: string): Arrivals {
  const arrivals = readArrivals(text)
  if (arrivals !== null) return arrivals
  throw new UserError(`${where}: expected ${arrivalsExamples}, got ${JSON.stringify(text)}`, {
    exitCode: ExitCode.usage,
    code: 'usage',
  })
}

export function formatArrivals(arrivals: Arrivals): string {
  if (arrivals.kind === 'gamma') return `gamma:${arrivals.burstiness}`
  return arrivals.kind === 'trace' ? `trace:${arrivals.file}` : arrivals.kind
}
