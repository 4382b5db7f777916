import { describe, expect, test } from 'vitest'
import { emulatedTiers, emulationOf } from '../../../src/catalog/catalog.ts'
import { type VirtualTier, runVirtual } from '../../../src/services/emulators/virtual.ts'
import { readStack } from '../../../src/stack/load.ts'
import { presetNames, presetText, starterQueries } from '../../../src/stack/presets.ts'
import type { Stack } from '../../../src/stack/stack.ts'

async function presetStack(name: Parameters<typeof presetText>[0]): Promise<Stack> {
  const { stack, problems } = readStack(await presetText(name), '/rag/ragscale.yaml')
  expect(problems).toEqual([])
  if (stack === null) throw new Error('the preset is broken')
  return stack
}

/** Tokens of a question, and of the candidates that a reranker reads with it. */
const queryTokens = 15
const chunkTokens = 250

function rehearse(stack: Stack, rate: number) {
  const tiers = emulatedTiers.flatMap((name): VirtualTier[] => {
    const tier = stack.tiers[name]
    if (tier === undefined) return []
    const inputTokens = {
      embed: queryTokens,
      vector: queryTokens,
      rerank: chunkTokens * stack.workload.topK,
      generate: stack.workload.inputTokens,
    }[name]
    const replicas = 'nodes' in tier ? tier.nodes : tier.replicas
    const collection = 'nodes' in tier ? { collection: tier.collection } : {}
    return [
      {
        name,
        replicas,
        policy: stack.balancer.policy,
        emulation: emulationOf(stack.tiers, name),
        inputTokens,
        ...collection,
      },
    ]
  })
  const { arrivals, outputTokens } = stack.workload
  return runVirtual(tiers, { rate, arrivals, queries: 3000, warmup: 300, seed: 7, outputTokens })
}

function percentile(values: Float64Array, share: number): number {
  return values.toSorted()[Math.ceil(share * values.length) - 1] ?? Number.NaN
}

function breaks(stack: Stack, rate: number): string[] {
  const result = rehearse(stack, rate)
  const share = { p50: 0.5, p90: 0.9, p95: 0.95, p99: 0.99, p999: 0.999 }
  const stage = {
    embed: 'embed',
    retrieve: 'vector',
    rerank: 'rerank',
    generate: 'generate',
    ingest: '',
    pipeline: '',
  }
  return stack.slo.flatMap((slo) => {
    if (slo.percentile === null) return []
    const times =
      slo.metric === 'rag_ttft'
        ? result.firstTokenMs
        : slo.stage === 'pipeline'
          ? result.latencyMs
          : result.stages[stage[slo.stage]]
    if (times === undefined) throw new Error(`nothing is timed for ${slo.on}`)
    return percentile(times, share[slo.percentile]) <= slo.limit ? [] : [slo.on]
  })
}

describe('presets', () => {
  test.each([...presetNames, 'external'] as const)(
    '%s has neither an error nor a warning, and names the schema for editors',
    async (name) => {
      await presetStack(name)
      expect(await presetText(name)).toMatch(
        /^# yaml-language-server: \$schema=\.\/\.ragscale\/schema\.json\n/,
      )
    },
  )

  test.each(presetNames)('%s meets its own SLOs at its own rate when it is rehearsed', async (name) => {
    const stack = await presetStack(name)
    expect(breaks(stack, stack.workload.rate)).toEqual([])
  })

  test.each(presetNames)(
    '%s does not meet them at five times that: there is something to find out',
    async (name) => {
      const stack = await presetStack(name)
      expect(breaks(stack, 5 * stack.workload.rate)).not.toEqual([])
    },
  )

  test('production still meets them without any one replica of embed, rerank or generate', async () => {
    const stack = await presetStack('production')
    for (const name of ['embed', 'rerank', 'generate'] as const) {
      const tier = stack.tiers[name]
      if (tier === undefined) throw new Error(`production has no ${name}`)
      const without = {
        ...stack,
        tiers: { ...stack.tiers, [name]: { ...tier, replicas: tier.replicas - 1 } },
      }
      expect(breaks(without, stack.workload.rate), name).toEqual([])
    }
  })

  test('laptop bends where its comments say', async () => {
    const stack = await presetStack('laptop')
    expect(percentile(rehearse(stack, 10).latencyMs, 0.5)).toBeCloseTo(230, -1.5)
    expect(breaks(stack, 25)).toEqual([])
    expect(breaks(stack, 35)).toContain('pipeline.latency.p95')
  })

  test('the questions to begin with are JSON lines', async () => {
    const lines = (await starterQueries()).trimEnd().split('\n')
    expect(lines.length).toBeGreaterThanOrEqual(20)
    for (const line of lines) expect(JSON.parse(line)).toEqual({ query: expect.any(String) })
  })
})
