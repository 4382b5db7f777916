import fc from 'fast-check'
import stringWidth from 'string-width'
import { describe, expect, it } from 'vitest'
import { followLive, liveLine, liveLines, progressOf, startLive } from '../../../src/report/live.ts'
import { noColors } from '../../../src/report/palette.ts'
import { interval, line } from '../recording/fixtures.ts'
import { hostile } from './random-run.ts'

const plan = {
  stage: 'embed',
  steps: [
    { id: 's1', warmupMs: 5000, windowMs: 30_000 },
    { id: 's2', warmupMs: 5000, windowMs: 30_000 },
  ],
}
const style = { columns: 80, palette: noColors }
const halfway = interval({ elapsedMs: 17_500, ttft: { p50: 80, p95: 90, p99: 95 } })

describe('the live view', () => {
  it('says that it is starting before the first second has passed', () => {
    expect(liveLines(startLive(plan), style)).toEqual(['embed step 1 of 2', 'starting …'])
    expect(liveLine(startLive(plan))).toBe('embed step 1 of 2: starting')
  })

  it('shows progress, rates, percentiles, first tokens and what is in flight', () => {
    const state = followLive(followLive(startLive(plan), interval({ elapsedMs: 16_500 })), halfway)
    expect(progressOf(state)).toBe(0.5)
    expect(liveLines(state, style)).toEqual([
      'embed step 1 of 2 at 50/s',
      `${'█'.repeat(20)}${'░'.repeat(20)} measuring 18 s`,
      'offered   50/s          achieved  50/s          in flight 1',
      'p50       2 ms          p95       4 ms          p99       5 ms',
      'ttft p50  80 ms         ttft p99  95 ms         errors    0',
    ])
    expect(liveLine(state)).toBe(
      'embed step 1 of 2 at 50/s measuring: 50/s of 50/s, p50 2 ms, p95 4 ms, p99 5 ms, ttft p50 80 ms, 1 in flight, no errors',
    )
  })

  it('takes the rate of an interval from its length, and none from a sliver', () => {
    const first = followLive(startLive(plan), interval({ elapsedMs: 1000, scheduled: 40 }))
    const half = followLive(first, interval({ elapsedMs: 1500, scheduled: 40, sent: 30 }))
    expect(half).toMatchObject({ offered: 80, achieved: 60 })
    expect(followLive(half, interval({ elapsedMs: 1510, scheduled: 5 }))).toMatchObject({
      offered: 80,
      achieved: 60,
    })
  })

  it('counts errors by label over the step, and begins again with the next', () => {
    const failing = interval({ failed: 2, errors: { http_429: 2 } })
    const state = followLive(followLive(startLive(plan), failing), { ...failing, elapsedMs: 2000 })
    expect(state).toMatchObject({ failed: 4, errors: { http_429: 4 } })
    expect(liveLine(state)).toContain('errors: 4 http_429')
    expect(followLive(state, interval({ step: 's2' }))).toMatchObject({ failed: 0, errors: {} })
  })

  it('remembers which steps were saturated', () => {
    const state = followLive(followLive(startLive(plan), halfway), line({ saturated: true }))
    expect(liveLines(state, style)[0]).toContain('saturated: s1')
  })

  it('fits any terminal, whatever the server answers', () => {
    fc.assert(
      fc.property(fc.integer({ min: 10, max: 200 }), hostile, hostile, (columns, label, stage) => {
        const state = followLive(
          startLive({ ...plan, stage }),
          interval({ failed: 1, errors: { [label]: 1 }, latency: null }),
        )
        for (const text of liveLines(state, { columns, palette: noColors })) {
          expect(stringWidth(text)).toBeLessThanOrEqual(columns)
          expect(text).not.toMatch(/\p{Cc}/u)
        }
        expect(liveLine(state)).not.toMatch(/\p{Cc}/u)
      }),
    )
  })
})
