import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { componentNamed, components, emulationOf, timingOf } from '../../../src/catalog/catalog.ts'
import { gpuNamed, gpus } from '../../../src/catalog/gpus.ts'
import { encoderModels, kvBytesPerToken, languageModel, languageModels } from '../../../src/catalog/models.ts'
import { UserError } from '../../../src/errors.ts'
import type { Emulation, ReplicaTier, VectorTier } from '../../../src/stack/stack.ts'

type Of<Model extends Emulation['model']> = Extract<Emulation, { model: Model }>

const embed = (model: string, gpu?: string): ReplicaTier => ({
  component: 'tei',
  replicas: 1,
  model,
  ...(gpu !== undefined && { gpu }),
})
const batching = (model: string, gpu?: string) =>
  emulationOf({ embed: embed(model, gpu) }, 'embed') as Of<'batching'>
const decoding = (model: string, gpu: string, more: Partial<ReplicaTier> = {}) =>
  emulationOf(
    { generate: { component: 'vllm', replicas: 1, model, gpu, ...more } },
    'generate',
  ) as Of<'continuous'>
const searching = (points: number, shards: number, more: Partial<VectorTier['collection']> = {}) =>
  emulationOf(
    {
      vector: {
        component: 'qdrant',
        nodes: 1,
        cpus: 1,
        collection: {
          name: 'docs',
          dimensions: 384,
          distance: 'Cosine',
          points,
          shards,
          replication: 1,
          writeConsistency: 1,
          quantization: 'none',
          ...more,
        },
      },
    },
    'vector',
  ) as Of<'search'>

/** What a query over all shards takes of one thread, as the search model says. */
function queryMs(
  { baseMs, msPerMillionPoints, fanoutMs }: Of<'search'>,
  points: number,
  shards: number,
): number {
  return shards * (baseMs + (msPerMillionPoints * points) / shards / 1e6) + (shards - 1) * fanoutMs
}

describe('the catalogue', () => {
  test('knows each component by its name', () => {
    for (const component of components) expect(componentNamed(component.name)).toBe(component)
    expect(componentNamed('weaviate')).toBeUndefined()
  })

  test('lists models and GPUs once', () => {
    for (const things of [encoderModels, languageModels, gpus]) {
      const names = things.map(({ name }) => name.toLowerCase())
      expect(new Set(names).size).toBe(names.length)
    }
    expect(gpuNamed('h100')?.memoryBytes).toBe(80e9)
  })

  test('counts the KV cache of a token: Llama 3.1 8B takes 128 KiB', () => {
    expect(kvBytesPerToken(languageModel('meta-llama/Llama-3.1-8B-Instruct')!)).toBe(131_072)
  })

  test('has language models whose heads divide and whose layers hold most of their parameters', () => {
    for (const { attentionHeads, kvHeads, parameters, layers, name } of languageModels) {
      expect(attentionHeads % kvHeads, name).toBe(0)
      expect(parameters / layers, name).toBeGreaterThan(1e7)
    }
  })
})

describe('how an emulated TEI is timed', () => {
  test('bge-base on an A10G serves about 270 inputs of 512 tokens a second, on a CPU about six', () => {
    const perSecond = (gpu?: string) => {
      const { overheadMs, msPerToken } = batching('BAAI/bge-base-en-v1.5', gpu)
      return (32 * 1000) / (overheadMs + msPerToken * 512 * 32)
    }
    expect(perSecond('A10G')).toBeGreaterThan(200)
    expect(perSecond('A10G')).toBeLessThan(450)
    expect(perSecond()).toBeCloseTo(5.7, 0)
  })

  test('a larger model takes longer, a faster GPU less', () => {
    expect(batching('BAAI/bge-large-en-v1.5', 'L4').msPerToken).toBeGreaterThan(
      batching('BAAI/bge-small-en-v1.5', 'L4').msPerToken,
    )
    expect(batching('BAAI/bge-m3', 'H100').msPerToken).toBeLessThan(batching('BAAI/bge-m3', 'T4').msPerToken)
    expect(batching('baai/BGE-base-en-v1.5', 'l4')).toEqual(batching('BAAI/bge-base-en-v1.5', 'L4'))
  })
})

describe('how an emulated vLLM is timed', () => {
  test('Llama 3.1 8B writes a token in 6 to 9 ms on an H100 and in 60 to 80 ms on an L4', () => {
    const h100 = decoding('meta-llama/Llama-3.1-8B-Instruct', 'H100')
    expect(h100.stepMs).toBeGreaterThan(6)
    expect(h100.stepMs).toBeLessThan(9)
    const l4 = decoding('meta-llama/Llama-3.1-8B-Instruct', 'L4')
    expect(l4.stepMs).toBeGreaterThan(60)
    expect(l4.stepMs).toBeLessThan(80)
  })

  test('more GPUs a replica make a step shorter, by less than their number', () => {
    const one = decoding('meta-llama/Llama-3.1-8B-Instruct', 'A100')
    const four = decoding('meta-llama/Llama-3.1-8B-Instruct', 'A100', { tensorParallel: 4 })
    expect(four.stepMs).toBeLessThan(one.stepMs)
    expect(four.stepMs).toBeGreaterThan(one.stepMs / 4)
    expect(four.kvTokens).toBeGreaterThan(4 * one.kvTokens)
  })

  test('a model that does not fit, or leaves no room for one context, is not timed', () => {
    const tier = { component: 'vllm', replicas: 1, model: 'meta-llama/Llama-3.1-8B-Instruct', gpu: 'L4' }
    expect(timingOf({ generate: { ...tier, maxModelLength: 131_072 } }, 'generate')).toMatchObject({
      model: 'unknown',
      key: 'gpu',
      because: expect.stringMatching(/room is left for \d+ tokens, of 131072/),
    })
    expect(() => emulationOf({ generate: { ...tier, gpu: 'T4' } }, 'generate')).toThrow(
      'its weights do not fit',
    )
    expect(() => emulationOf({ generate: { ...tier, model: 'my/own' } }, 'generate')).toThrow(UserError)
  })
})

describe('how an emulated Qdrant is timed', () => {
  test('is what was measured: 1 ms for 20,000 points in one shard, 2.5 ms in six', () => {
    expect(queryMs(searching(20_000, 1), 20_000, 1)).toBeCloseTo(1, 1)
    expect(queryMs(searching(20_000, 6), 20_000, 6)).toBeCloseTo(2.55, 1)
  })

  test('more shards make a query dearer; longer vectors do too, quantisation cheaper', () => {
    expect(queryMs(searching(1e6, 6), 1e6, 6)).toBeGreaterThan(queryMs(searching(1e6, 1), 1e6, 1))
    expect(searching(1e6, 1, { dimensions: 1024 }).baseMs).toBeGreaterThan(searching(1e6, 1).baseMs)
    expect(searching(1e6, 1, { quantization: 'scalar' }).baseMs).toBeLessThan(searching(1e6, 1).baseMs)
  })

  test('whatever is declared, every time is finite and none is negative', () => {
    const numbers = {
      points: fc.integer({ min: 1, max: 1e11 }),
      shards: fc.integer({ min: 1, max: 1000 }),
      dimensions: fc.integer({ min: 1, max: 65_536 }),
    }
    fc.assert(
      fc.property(fc.record(numbers), ({ points, shards, dimensions }) => {
        const { model, ...times } = searching(points, shards, { dimensions })
        expect(model).toBe('search')
        for (const value of Object.values(times)) expect(value >= 0 && Number.isFinite(value)).toBe(true)
      }),
    )
  })
})

test('what emulate: says comes before the catalogue', () => {
  const emulate: Emulation = {
    model: 'fifo',
    law: { kind: 'fixed', meanMs: 1 },
    servers: 1,
    queueLimit: null,
  }
  expect(emulationOf({ embed: { ...embed('my/own'), emulate } }, 'embed')).toBe(emulate)
})
