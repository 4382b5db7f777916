import { describe, expect, test } from 'vitest'
import { endpointTarget } from '../../../src/load/endpoints.ts'
import { aimAt, allowLoad } from '../../../src/loop/aim.ts'
import { providedRate, providedTier, spendOf } from '../../../src/loop/provided.ts'
import { differences } from '../../../src/loop/recommendation.ts'
import { recordStack } from '../../../src/recording/recorded-stack.ts'
import type { Run } from '../../../src/recording/run.ts'
import { readStack } from '../../../src/stack/load.ts'
import type { Stack } from '../../../src/stack/stack.ts'

const terms =
  'component: openai, model: gpt-4.1-mini, requestsPerMinute: 600, tokensPerMinute: 1_200_000, prices: { input: 0.4, output: 1.6 }'
function stackOf(more = '', generate = terms): Stack {
  const text = `target: compose
tiers:
  gateway: {}
  embed: { model: BAAI/bge-base-en-v1.5 }
  vector: {}
  generate: { ${generate} }
workload: { inputTokens: 1000, outputTokens: 200 }
${more}`
  const { stack, problems } = readStack(text, '/rag/ragscale.yaml')
  if (stack === null) throw new Error(JSON.stringify(problems))
  return stack
}
const stack = stackOf()
const running = { pipeline: ['http://127.0.0.1:8080'], embed: ['http://127.0.0.1:8081'] }
const load = (scenario: 'sweep' | 'steady', of: Stack) => ({
  stack: of,
  scenario,
  durationMs: 60_000,
  warmupMs: 0,
})

describe('a tier that a provider runs', () => {
  test('is called where the provider is, with the key that its variable holds, whatever runs', () => {
    expect(endpointTarget('generate', stack, {})).toMatchObject({
      urls: ['https://api.openai.com'],
      protocol: 'openai',
      model: 'gpt-4.1-mini',
      apiKeyEnv: 'OPENAI_API_KEY',
    })
    expect(endpointTarget('embed', stack, running)?.urls).toEqual(['http://127.0.0.1:8081'])
  })

  test('is an emulator in a rehearsal and on the local target, with no limits and nothing to pay', () => {
    const emulate = 'emulate: { model: fifo, mean: 1s, servers: 100 }'
    for (const rehearsed of [
      stackOf('rehearse: true', `${terms}, ${emulate}`),
      { ...stackOf('', `${terms}, ${emulate}`), target: 'local' as const },
    ]) {
      expect(endpointTarget('generate', rehearsed, {})).toBeNull()
      expect(providedTier(rehearsed, 'generate')).toBeNull()
      expect(spendOf(rehearsed, 'pipeline', 1000)).toBe(0)
    }
  })

  test('allows what the lower of its limits does, and a sweep’s probe does not climb beyond it', () => {
    expect(providedRate(stack, 'generate')).toBe(10)
    expect(providedRate(stack, 'pipeline')).toBe(10)
    expect(providedRate(stack, 'retrieve')).toBeNull()
    const { first } = aimAt('generate', load('sweep', stack), {})
    expect(Math.max(...first.steps.map(({ toRate }) => toRate))).toBeLessThanOrEqual(10)
  })

  test('may be compared with runs of other limits and prices, and not with another provider’s', () => {
    const run = { target: 'compose', stages: ['generate'], stack: recordStack(stack) } as unknown as Run
    expect(differences(run, stackOf('', `${terms.replace('600', '900')}, maxModelLength: 8192`))).toEqual([])
    expect(
      differences(run, stackOf('', `${terms}, url: https://other.example, apiKeyEnv: OTHER`)),
    ).toHaveLength(1)
  })
})

describe('what a load costs at a provider', () => {
  const runtime = {
    interactive: false,
    prompts: {} as never,
    stderr: { isTTY: false, columns: undefined, write: () => undefined },
  }
  const allow = async (of: Stack, stage: 'generate' | 'pipeline', yes = true): Promise<void> => {
    await allowLoad([aimAt(stage, { ...load('steady', of), rate: 5 }, running)], of, runtime, { yes })
  }

  test('is its tokens: 1,000 requests of 1,000 and 200 tokens are 0.72', () => {
    expect(spendOf(stack, 'generate', 1000)).toBeCloseTo(0.72, 9)
    expect(spendOf(stack, 'pipeline', 1000)).toBeCloseTo(0.72, 9)
    expect(spendOf(stack, 'retrieve', 1000)).toBe(0)
  })

  test('is held to limits.load.spend, also behind our own gateway', async () => {
    for (const stage of ['generate', 'pipeline'] as const) {
      await expect(allow(stackOf('limits: { load: { spend: 0.1 } }'), stage)).rejects.toThrow(
        /would cost about 0.22/,
      )
      await expect(allow(stackOf('limits: { load: { spend: 1 } }'), stage)).resolves.toBeUndefined()
    }
  })

  test('cannot be held to it without a price', async () => {
    const unpriced = stackOf(
      'limits: { load: { spend: 1 } }',
      'component: openai, model: m, requestsPerMinute: 60',
    )
    await expect(allow(unpriced, 'pipeline')).rejects.toThrow(/knows no price/)
  })

  test('is asked about first: a pipeline that calls a provider leaves this machine', async () => {
    await expect(allow(stack, 'pipeline', false)).rejects.toThrow(/api.openai.com/)
  })
})
