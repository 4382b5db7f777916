/** Measured latency against queueing theory on what was realised (issue: "Measuring is right"). */
import { describe, expect, it } from 'vitest'
import type { FromServer, Law, Served, ToServer } from '../servers/queueing.ts'
import { startServer } from '../servers/start.ts'
import { mean, quantile, timesInSystem } from './lindley.ts'
import { measure, measureValid } from './measure.ts'
import type { Measured } from './measure.ts'

const seconds = 8
const warmupMs = 1_000

const queues: { readonly name: string; readonly servers: number; readonly law: Law }[] = [
  { name: 'M/M/1', servers: 1, law: { kind: 'exponential', meanMs: 10 } },
  { name: 'M/M/4', servers: 4, law: { kind: 'exponential', meanMs: 24 } },
  { name: 'M/D/1', servers: 1, law: { kind: 'fixed', meanMs: 10 } },
  { name: 'M/G/1, lognormal', servers: 1, law: { kind: 'lognormal', meanMs: 10, cv: 1.4 } },
]

async function load(
  servers: number,
  law: Law,
  utilization: number,
): Promise<Measured & { served: Served[] }> {
  const server = startServer<ToServer, FromServer>('queueing.ts')
  try {
    const { port } = await server.ask({ type: 'configure', config: { servers, law, seed: 7 } }, 'listening')
    const rate = (utilization * servers * 1_000) / law.meanMs
    let served: Served[] = []
    const measured = await measure(
      {
        stage: 'embed',
        scenario: 'steady',
        rate,
        durationMs: seconds * 1_000,
        warmupMs,
        seed: 11,
      },
      { urls: [`http://127.0.0.1:${port}`], protocol: 'tei' },
      [{ query: 'what is a queue?' }],
      {
        resources: async () => {
          served = (await server.ask({ type: 'log' }, 'log')).served
          // The server's own lateness is part of what it realised, and so of what is expected.
          return []
        },
      },
    )
    return { ...measured, served }
  } finally {
    server.stop()
  }
}

/** 3 % or 1 ms, whichever is more. */
function toleranceOf(expected: number): number {
  return Math.max(0.03 * expected, 1)
}

/** Where the generator's own lateness is as large as the tolerance, nothing is shown, and that is said. */
function told(because: string): string {
  console.warn(`SKIPPED: this machine is too busy to tell a right measurement from a wrong one: ${because}`)
  return because
}

function within(measured: number, expected: number): void {
  const tolerance = toleranceOf(expected)
  expect(
    Math.abs(measured - expected),
    `measured ${measured.toFixed(2)} ms, expected ${expected.toFixed(2)} ms`,
  ).toBeLessThanOrEqual(tolerance)
}

describe.each(queues)('$name', ({ servers, law }) => {
  it.for([0.5, 0.7, 0.85])(
    'at %d of its capacity is measured as Lindley’s recursion has it',
    async (utilization, { skip }) => {
      let served: Served[] = []
      const outcome = await measureValid(async () => {
        const result = await load(servers, law, utilization)
        served = result.served
        return result
      })
      if ('invalid' in outcome) {
        skip(told(outcome.invalid.join(' / ')))
        return
      }
      const [step] = outcome.measured.steps
      const latency = step?.metrics['latency']
      if (step === undefined || latency === undefined) throw new Error('nothing was measured')
      expect(step.errors).toEqual({})
      const realised = served.map(({ arrivalMs, startMs, departureMs }) => ({
        arrivalMs,
        serviceMs: departureMs - startMs,
      }))
      // What came before the last `count` requests was the warm-up.
      const expected = timesInSystem(realised, servers)
        .slice(-latency.count)
        .map(({ timeMs }) => timeMs)
      expect(expected).toHaveLength(step.scheduled)
      const lateMs = step.metrics['schedule_delay']?.p99 ?? 0
      if (lateMs > 0.75 * toleranceOf(quantile(expected, 0.99))) {
        skip(told(`requests were sent ${lateMs.toFixed(1)} ms late at the P99, by the run's own record`))
        return
      }
      within(latency.mean, mean(expected))
      within(latency.p99 ?? Number.NaN, quantile(expected, 0.99))
    },
  )
})
