import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { delayBefore, patienceOfOwn, retryAfterMs } from '../../../../src/services/gateway/backoff.ts'
import {
  UpstreamError,
  type UpstreamStage,
  upstreamPolicy,
} from '../../../../src/services/gateway/upstream.ts'

const refusal = (status: number, retryAfter: number | null = null) =>
  new UpstreamError('generate', `answered ${status}`, { status, retryAfterMs: retryAfter })

/** Fails so often, then answers; and how often it was called. */
function failing(times: number, error: () => Error) {
  let calls = 0
  const call = async (): Promise<string> => {
    calls++
    if (calls <= times) throw error()
    return await Promise.resolve('answer')
  }
  return { call, calls: () => calls }
}
const policyOf = (stage: UpstreamStage) => upstreamPolicy(stage, { timeoutMs: 5_000, random: () => 0 })
const forever = new AbortController().signal

describe('a provider that refuses with 429', () => {
  test('is asked again up to five times where it says when to come back', async () => {
    const five = failing(5, () => refusal(429, 1))
    await expect(policyOf('generate').run(five.call, forever)).resolves.toBe('answer')
    const six = failing(6, () => refusal(429, 1))
    await expect(policyOf('generate').run(six.call, forever)).rejects.toThrow('answered 429')
    expect([five.calls(), six.calls()]).toEqual([6, 6])
  })

  test('is asked twice more where it does not', async () => {
    const three = failing(3, () => refusal(429))
    await expect(policyOf('generate').run(three.call, forever)).rejects.toThrow('answered 429')
    expect(three.calls()).toBe(3)
  })

  test('is not asked again where it wants more time than there is, and the caller learns how much', async () => {
    const late = failing(1, () => refusal(429, 60_000))
    const error: unknown = await policyOf('generate')
      .run(late.call, forever)
      .catch((thrown: unknown) => thrown)
    expect(error).toMatchObject({ status: 429, retryAfterMs: 60_000 })
    expect(late.calls()).toBe(1)
  })

  test('opens no circuit: it is busy, not broken', async () => {
    const policy = policyOf('generate')
    for (let request = 0; request < 12; request++) {
      await policy.run(failing(9, () => refusal(429)).call, forever).catch(() => undefined)
    }
    expect(policy.circuit()).toBe('closed')
  })

  test('is not waited for by a client that has gone', async () => {
    const gone = new AbortController()
    const { call, calls } = failing(9, () => refusal(429, 20_000))
    const answer = policyOf('generate').run(call, gone.signal)
    setTimeout(() => gone.abort(), 5)
    await expect(answer).rejects.toThrow('answered 429')
    expect(calls()).toBe(1)
  })
})

describe('what is paid for', () => {
  test('is asked for again only when nothing was done: not after 500, 502 or a broken stream', async () => {
    for (const status of [500, 502, 504]) {
      const { call, calls } = failing(1, () => refusal(status))
      await expect(policyOf('generate').run(call, forever)).rejects.toThrow(String(status))
      expect(calls()).toBe(1)
    }
    const { call, calls } = failing(1, () => refusal(503))
    await expect(policyOf('generate').run(call, forever)).resolves.toBe('answer')
    expect(calls()).toBe(2)
  })
})

describe('the pause before another attempt', () => {
  const patience = { ...patienceOfOwn, waitMs: 30_000 }
  const about = (
    retryAfter: number | null,
    more: { attempt?: number; waitedMs?: number; random?: number } = {},
  ) =>
    delayBefore({
      attempt: more.attempt ?? 1,
      waitedMs: more.waitedMs ?? 0,
      retryAfterMs: retryAfter,
      patience,
      random: () => more.random ?? 0,
    })

  test('grows from 20 ms, and half of it is chance', () => {
    expect([about(null), about(null, { random: 1 }), about(null, { attempt: 2, random: 1 })]).toEqual([
      10, 20, 40,
    ])
  })

  test('is never shorter than what was asked for, and at most a quarter longer', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 500, max: 30_000 }),
        fc.double({ min: 0, max: 1, noNaN: true }),
        fc.integer({ min: 1, max: 5 }),
        (asked, random, attempt) => {
          const delay = about(asked, { random, attempt })
          expect(delay).toBeGreaterThanOrEqual(asked)
          expect(delay).toBeLessThanOrEqual(Math.max(500, asked * 1.25))
        },
      ),
    )
  })

  test('comes to an end when what was waited already leaves too little', () => {
    expect(about(20_000, { waitedMs: 9_000 })).toBe(20_000)
    expect(about(20_000, { waitedMs: 11_000 })).toBeNull()
  })
})

describe('Retry-After', () => {
  const now = Date.parse('2026-11-21T12:00:00Z')
  test.each([
    [{ 'retry-after': '7' }, 7_000],
    [{ 'retry-after': '0.5' }, 500],
    [{ 'retry-after': 'Sat, 21 Nov 2026 12:00:30 GMT' }, 30_000],
    [{ 'retry-after': 'Sat, 21 Nov 2026 11:00:00 GMT' }, 0],
    [{ 'retry-after': '8', 'retry-after-ms': '7654' }, 7_654],
    [{ 'retry-after': ['3', '4'] }, 3_000],
    [{ 'retry-after': 'soon' }, null],
    [{ 'retry-after': '' }, null],
    [{ 'retry-after': '-5' }, null],
    [{}, null],
  ])('of %j is %s ms', (headers, ms) => {
    expect(retryAfterMs(headers, now)).toBe(ms)
  })
})
