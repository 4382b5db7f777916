import { describe, expect, it } from 'vitest'
import type { LoadTarget } from '../../../src/load/plan.ts'
import { assertWithinLimits, confirmLoad, extentOfLoads } from '../../../src/load/safety.ts'
import { planScenario } from '../../../src/load/scenario.ts'
import { stackWith } from './stacks.ts'

const plan = planScenario(
  { stage: 'embed', scenario: 'sweep', rates: [10, 50], durationMs: 30_000 },
  stackWith(),
)
const at = (...urls: string[]): LoadTarget => ({ urls, protocol: 'tei' })
const remote = extentOfLoads([{ target: at('https://tei.example:8443', 'http://127.0.0.1:1'), plan }])
const local = extentOfLoads([{ target: at('http://localhost:1'), plan }])
const load = (changes: Parameters<typeof stackWith>[0] = {}) => stackWith(changes).limits

function runtimeThat(answers: boolean | null) {
  const said: string[] = []
  const asked: string[] = []
  const never = async (): Promise<never> => await Promise.reject(new Error('must not ask'))
  return {
    said,
    asked,
    runtime: {
      interactive: answers !== null,
      stderr: { isTTY: false, columns: undefined, write: (text: string) => void said.push(text) },
      prompts: {
        confirm: async (question: string) => {
          asked.push(question)
          return answers ?? (await never())
        },
        input: never,
        select: never,
      },
    },
  }
}

describe('how far a load goes', () => {
  it('counts the warm-ups, names hosts beyond this machine, and takes the highest rate', () => {
    expect(remote).toEqual({ hosts: ['tei.example:8443'], peakRate: 50, requests: 10 * 35 + 50 * 35 })
    expect(local.hosts).toEqual([])
  })

  it('stays within limits.load, which are named when it would not', () => {
    expect(() => assertWithinLimits(local, load({ limits: { rate: 50, requests: 2_100 } }))).not.toThrow()
    expect(() => assertWithinLimits(local, load({ limits: { rate: 49 } }))).toThrow(
      /50\/s, and limits.load.rate is 49\/s/,
    )
    expect(() => assertWithinLimits(local, load({ limits: { requests: 100 } }))).toThrow(
      /2100 requests, and limits.load.requests is 100/,
    )
  })

  it('holds a limit on spending only where there is something to pay and a price to know it by', () => {
    expect(() => assertWithinLimits(local, load({ limits: { spend: 1 } }))).not.toThrow()
    expect(() => assertWithinLimits(remote, load({ limits: { spend: 1 } }))).toThrow(/knows no price/)
    expect(() => assertWithinLimits(remote, load({ limits: { spend: 1 } }), 2)).toThrow(/cost about 2.00/)
    expect(() => assertWithinLimits(remote, load({ limits: { spend: 3 } }), 2)).not.toThrow()
  })
})

describe('a load beyond this machine', () => {
  it('is refused with exit 2 when nobody can be asked', async () => {
    await expect(confirmLoad(remote, runtimeThat(null).runtime, { yes: false })).rejects.toMatchObject({
      exitCode: 2,
      hint: expect.stringContaining('--yes') as string,
    })
  })

  it('is asked about with host, rate and number of requests', async () => {
    const { runtime, asked } = runtimeThat(true)
    await confirmLoad(remote, runtime, { yes: false })
    expect(asked).toEqual(['Load tei.example:8443: up to 50/s, about 2100 requests?'])
  })

  it('does not happen when the answer is no', async () => {
    await expect(confirmLoad(remote, runtimeThat(false).runtime, { yes: false })).rejects.toMatchObject({
      exitCode: 130,
    })
  })

  it('is only announced with --yes', async () => {
    const { runtime, said, asked } = runtimeThat(null)
    await confirmLoad(remote, runtime, { yes: true })
    expect(asked).toEqual([])
    expect(said.join('')).toContain('tei.example:8443')
  })

  it('is nothing to ask about on loopback', async () => {
    const { runtime, said } = runtimeThat(null)
    await confirmLoad(local, runtime, { yes: false })
    expect(said).toEqual([])
  })
})
