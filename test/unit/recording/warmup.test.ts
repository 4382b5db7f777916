import { describe, expect, it } from 'vitest'
import { assembleRun } from '../../../src/recording/assemble.ts'
import type { IntervalLine } from '../../../src/recording/load-lines.ts'
import { facts, interval, line, recorded } from './fixtures.ts'

const stopped = line({ windowMs: 0, scheduled: 0, stopped: '48 of the last 50 requests failed' })
const failing: IntervalLine = interval({
  phase: 'warmup',
  elapsedMs: 1800,
  cpuSeconds: 0.1,
  errors: { timeout: 1, http_500: 47 },
})

function runOf(steps = [stopped], intervals = [failing], interrupted = false) {
  const endedAt = '2026-11-21T12:00:10.000Z'
  return assembleRun(facts(), [], recorded({ steps }), { endedAt, interrupted, intervals })
}

describe('a run that most requests failed in the warm-up of', () => {
  it('has failed, and says at which step and with which errors', () => {
    expect(runOf()).toMatchObject({
      steps: [],
      verdict: 'fail',
      verdictBecause: [
        'no step of stage embed was measured: s1 was stopped in its warm-up: 48 of the last 50 requests failed (47 http_500, 1 timeout)',
      ],
    })
  })

  it('is in doubt when the generator had no CPU left to send them with', () => {
    const busy = { ...failing, cpuSeconds: 100, errors: { shed: 50 } }
    const { verdict, verdictBecause } = runOf([stopped], [busy])
    expect(verdict).toBe('invalid')
    expect(verdictBecause.at(-1)).toMatch(/^the generator used .* CPU cores, more than 80 %$/)
  })

  it('counts the CPU of that step alone', () => {
    const before = { ...failing, step: 's0', cpuSeconds: 100 }
    expect(runOf([stopped], [before, { ...failing, cpuSeconds: 100.1 }]).verdict).toBe('fail')
  })
})

describe('a run that Ctrl-C ended in the warm-up', () => {
  it('was interrupted and has not failed', () => {
    const interrupted = line({ windowMs: 0, scheduled: 0, stopped: 'interrupted' })
    expect(runOf([interrupted], [failing], true)).toMatchObject({
      verdict: 'interrupted',
      verdictBecause: ['the run was interrupted', 'no step of stage embed was measured'],
    })
  })
})
