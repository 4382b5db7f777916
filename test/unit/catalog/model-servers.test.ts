import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { componentNamed, emulationOf } from '../../../src/catalog/catalog.ts'
import { capabilityOf, gpus } from '../../../src/catalog/gpus.ts'
import { encoderModels, languageModels, vectorDimensions } from '../../../src/catalog/models.ts'
import type { Observed } from '../../../src/catalog/observed.ts'
import { teiObserved } from '../../../src/catalog/tei/observed.ts'
import { tgiObserved } from '../../../src/catalog/tgi/observed.ts'
import { vllmObserved } from '../../../src/catalog/vllm/observed.ts'
import { containerOf, flag, prefetchOf, scalingOf, stackOf } from './deployment.ts'

const bge = 'model: BAAI/bge-base-en-v1.5'
const llama = 'model: meta-llama/Llama-3.1-8B-Instruct'
const gibibyte = 2 ** 30

describe('Text Embeddings Inference', () => {
  test.each([
    ['cpu', 'cpu-1.9.3'],
    ['T4', 'turing-1.9.3'],
    ['A100', '1.9.3'],
    ['A30', '1.9.3'],
    ['A10G', '86-1.9.3'],
    ['A10', '86-1.9.3'],
    ['NVIDIA A40', '86-1.9.3'],
    ['l4', '89-1.9.3'],
    ['L40S', '89-1.9.3'],
    ['RTX4090', '89-1.9.3'],
    ['H100', 'hopper-1.9.3'],
    ['H200', 'hopper-1.9.3'],
    ['B200', '100-1.9.3'],
    ['RTX5090', '120-1.9.3'],
    ['something-new', 'cuda-1.9.3'],
  ])('on %s is the build %s, and says why', (gpu, tag) => {
    const { image, gpus: taken } = containerOf('embed', `${bge}, gpu: ${gpu}`)
    expect(image.reference).toBe(`ghcr.io/huggingface/text-embeddings-inference:${tag}`)
    expect(image.because).not.toBe('')
    expect(taken).toBe(gpu === 'cpu' ? 0 : 1)
  })

  test('reranks as it embeds, with the model of its own tier', () => {
    expect(flag(containerOf('rerank', 'model: BAAI/bge-reranker-base, gpu: L4'), '--served-model-name')).toBe(
      'BAAI/bge-reranker-base',
    )
  })

  test('is started with its limits said aloud, from the folder that the job fetched into', () => {
    const container = containerOf('embed', bge)
    expect(flag(container, '--max-concurrent-requests')).toBe('512')
    expect(flag(container, '--max-batch-tokens')).toBe('16384')
    expect(flag(container, '--max-client-batch-size')).toBe('32')
    const folder = flag(container, '--model-id')
    const [mount] = container.mounts
    expect(folder?.startsWith(`${mount?.path}/`)).toBe(true)
    const job = prefetchOf('embed', bge)
    expect(job.args).toContain(folder)
    expect(job.mounts).toEqual(container.mounts)
    expect(mount?.kind).toBe('shared')
  })

  test('reserves memory by the size of its model, more without a GPU, and says from what', () => {
    const small = containerOf('embed', 'model: BAAI/bge-small-en-v1.5').resources
    const large = containerOf('embed', 'model: BAAI/bge-large-en-v1.5').resources
    const onGpu = containerOf('embed', 'model: BAAI/bge-large-en-v1.5, gpu: L4').resources
    expect(large.request.memoryBytes - small.request.memoryBytes).toBe(2 * 4 * (335e6 - 33.4e6))
    expect(onGpu.request.memoryBytes).toBeLessThan(large.request.memoryBytes)
    expect(large.because).toContain('weights of 1.2 GiB at 32 bits')
    expect(containerOf('embed', 'model: my/own, gpu: L4').resources.because).toContain('is not known')
  })

  test('takes image and resources as they are written', () => {
    const written = 'image: registry.example/tei:1, resources: { cpus: 3, memory: 5GiB }'
    const { image, resources } = containerOf('embed', `${bge}, ${written}`)
    expect(image).toEqual({ reference: 'registry.example/tei:1', because: 'as ragscale.yaml says' })
    expect(resources.request).toEqual({ cpus: 3, memoryBytes: 5 * gibibyte })
    expect(prefetchOf('embed', `${bge}, ${written}`).image.reference).toBe('registry.example/tei:1')
  })
})

describe('vLLM', () => {
  test('is one image on every GPU, another without one', () => {
    expect(containerOf('generate', `${llama}, gpu: H100`).image.reference).toBe('vllm/vllm-openai:v0.33.0')
    const cpu = containerOf('generate', 'model: Qwen/Qwen2.5-0.5B-Instruct, gpu: cpu')
    expect(cpu.image.reference).toBe('vllm/vllm-openai-cpu:v0.33.0')
    expect([cpu.gpus, flag(cpu, '--gpu-memory-utilization')]).toEqual([0, undefined])
    expect(Number(cpu.env['VLLM_CPU_KVCACHE_SPACE'])).toBeGreaterThanOrEqual(1)
  })

  test('lets answers end before it stops, within the time that its container is given', () => {
    const container = containerOf('generate', `${llama}, gpu: H100`)
    const shutdown = Number(flag(container, '--shutdown-timeout'))
    expect(shutdown).toBeGreaterThan(0)
    expect(container.stop.graceSeconds).toBeGreaterThan(shutdown)
    expect(container.stop.preStopSeconds).toBe(15)
  })

  test('spread over GPUs takes them all, and 16 GiB of shared memory; on one GPU it takes neither', () => {
    const two = containerOf('generate', `${llama}, gpu: L40S, tensorParallel: 2`)
    expect([two.gpus, two.sharedMemoryBytes, flag(two, '--tensor-parallel-size')]).toEqual([
      2,
      16 * gibibyte,
      '2',
    ])
    const one = containerOf('generate', `${llama}, gpu: H100`)
    expect([one.gpus, one.sharedMemoryBytes, flag(one, '--tensor-parallel-size')]).toEqual([
      1,
      null,
      undefined,
    ])
  })

  test('keeps its name although it runs from the cache, without the Hub', () => {
    const container = containerOf('generate', `${llama}, gpu: H100`)
    expect(container.args?.[0]).toBe('meta-llama/Llama-3.1-8B-Instruct')
    expect(flag(container, '--served-model-name')).toBe('meta-llama/Llama-3.1-8B-Instruct')
    expect(container.env['HF_HUB_OFFLINE']).toBe('1')
    expect(prefetchOf('generate', `${llama}, gpu: H100`).env).toEqual({})
    expect(container.mounts.map(({ path }) => path)).toEqual([
      '/root/.cache/huggingface',
      '/root/.cache/vllm',
    ])
  })

  test('is told lengths, sequences and the memory that the catalogue reckons with', () => {
    const container = containerOf('generate', `${llama}, gpu: H100, maxModelLength: 16384, maxSequences: 64`)
    expect(flag(container, '--max-model-len')).toBe('16384')
    expect(flag(container, '--max-num-seqs')).toBe('64')
    expect(flag(container, '--gpu-memory-utilization')).toBe('0.9')
    expect(container.args).toContain('--enable-prompt-tokens-details')
    expect(flag(container, '--dtype')).toBeUndefined()
    expect(flag(containerOf('generate', 'model: Qwen/Qwen3-1.7B, gpu: T4'), '--dtype')).toBe('half')
  })

  test('has at least ten minutes to start, and longer for weights that take longer to read', () => {
    const small = containerOf('generate', 'model: Qwen/Qwen3-0.6B, gpu: L4').health?.startupSeconds ?? 0
    const large =
      containerOf('generate', 'model: meta-llama/Llama-3.1-70B-Instruct, gpu: H100, tensorParallel: 4').health
        ?.startupSeconds ?? 0
    expect(small).toBeGreaterThanOrEqual(600)
    expect(large).toBeGreaterThan(small)
  })

  test('sends traces only where a variable says where to, and starts without a token', () => {
    const container = containerOf('generate', `${llama}, gpu: H100`)
    expect(container.command?.[2]).toContain(`\${${container.tracesEnv}:+--otlp-traces-endpoint`)
    expect(container.secrets).toEqual([
      { name: 'huggingface-token', fileEnv: 'HF_TOKEN_PATH', optional: true },
    ])
  })
})

describe('TGI and Ollama', () => {
  test('TGI is told its GPUs, lengths and batch, and drains as long as vLLM', () => {
    const container = containerOf('generate', `component: tgi, ${llama}, gpu: L40S, tensorParallel: 2`)
    expect(container.image.reference).toBe('ghcr.io/huggingface/text-generation-inference:3.3.7')
    expect(flag(container, '--num-shard')).toBe('2')
    expect(flag(container, '--max-total-tokens')).toBe('8192')
    expect(Number(flag(container, '--max-input-tokens'))).toBeLessThan(8192)
    expect(flag(container, '--max-batch-size')).toBe('128')
    expect(container.stop.graceSeconds).toBeGreaterThan(
      Number(flag(container, '--graceful-termination-timeout')),
    )
    expect(container.sharedMemoryBytes).toBe(16 * gibibyte)
  })

  test('Ollama holds the context of every sequence at once, and never lets go of its model', () => {
    const container = containerOf('generate', "component: ollama, model: 'llama3.1:8b', gpu: L4")
    expect(container.env).toMatchObject({
      OLLAMA_NUM_PARALLEL: '4',
      OLLAMA_CONTEXT_LENGTH: '8192',
      OLLAMA_KEEP_ALIVE: '-1',
    })
    expect(container.gpus).toBe(1)
    const cpu = containerOf('generate', "component: ollama, model: 'llama3.2:1b', gpu: cpu")
    expect(cpu.gpus).toBe(0)
    expect(cpu.resources.because).toContain('at 4 bits')
  })

  test('Ollama is as slow as the memory that it reads its weights from', () => {
    const step = (keys: string) => {
      const emulation = emulationOf(stackOf('generate', `component: ollama, ${keys}`).tiers, 'generate')
      return emulation.model === 'continuous' ? emulation.stepMs : Number.NaN
    }
    const onCpu = step("model: 'llama3.1:8b'")
    expect(onCpu).toBeGreaterThan(100)
    expect(step("model: 'llama3.1:8b', gpu: L4")).toBeLessThan(40)
    expect(step("model: 'llama3.2:1b'")).toBeLessThan(onCpu / 4)
  })
})

describe('what replicas follow', () => {
  test('of vLLM is what runs and waits, at three quarters of what one can run together', () => {
    const most = scalingOf('generate', `${llama}, gpu: H100, maxSequences: 64`)
    expect(most).toMatchObject({ unit: 'requests', ceiling: 64, defaultTarget: 48 })
    expect(most.query).toContain('vllm:num_requests_running{job="$job"}')
    expect(most.query).toContain('vllm:num_requests_waiting{job="$job"}')
    // A KV cache of 30,822 tokens holds 8 prompts of 3,500 tokens with answers of 200.
    const cached = scalingOf(
      'generate',
      `${llama}, gpu: L4`,
      'workload: { inputTokens: 3500, outputTokens: 200 }',
    )
    expect(cached.defaultTarget).toBe(6)
    expect(cached.because).toContain('the KV cache holds 8 of 3700 tokens')
  })

  test('of TEI is never its queue alone, which has been wrong', () => {
    const { query, ceiling } = scalingOf('embed', `${bge}, gpu: L4`)
    expect(query).not.toContain('te_queue_size')
    expect(ceiling).toBe(512)
  })

  test('has a default that its own ceiling lets it reach, whatever is declared', () => {
    const declared = fc.record({
      model: fc.constantFrom(...languageModels.map(({ name }) => name)),
      maxSequences: fc.integer({ min: 2, max: 4096 }),
      maxModelLength: fc.integer({ min: 1024, max: 4096 }),
      component: fc.constantFrom('vllm', 'tgi'),
    })
    fc.assert(
      fc.property(declared, ({ model, maxSequences, maxModelLength, component }) => {
        const keys = `component: ${component}, model: ${model}, gpu: B200, maxSequences: ${maxSequences}, maxModelLength: ${maxModelLength}`
        const { defaultTarget, ceiling } = scalingOf('generate', keys)
        expect(defaultTarget).toBeGreaterThanOrEqual(1)
        expect(defaultTarget).toBeLessThan(ceiling ?? Infinity)
      }),
      { numRuns: 50 },
    )
  })
})

describe('what is watched of model servers', () => {
  const watched = [
    { name: 'tei', observed: teiObserved, tier: 'embed', keys: `${bge}, gpu: L4` },
    { name: 'vllm', observed: vllmObserved, tier: 'generate', keys: `${llama}, gpu: H100` },
    { name: 'tgi', observed: tgiObserved, tier: 'generate', keys: `component: tgi, ${llama}, gpu: H100` },
  ] as const
  const queriesOf = ({ alerts, panels }: Observed): string[] => [
    ...alerts.map(({ expr }) => expr),
    ...panels.flatMap(({ queries }) => queries.map(({ expr }) => expr)),
  ]

  test.each(watched)('of $name keeps to its own job in every query', ({ observed }) => {
    const queries = queriesOf(observed)
    expect(queries.length).toBeGreaterThan(8)
    for (const query of queries)
      expect(query.match(/\{/g)?.length).toBe(query.match(/\{job="\$job"/g)?.length)
  })

  test.each(watched)('of $name asks only for metrics that it exports', ({ observed, tier, keys }) => {
    const queries = [...queriesOf(observed), scalingOf(tier, keys).query]
    const names = queries.flatMap((query) =>
      [...query.matchAll(/([a-z_]+:)?[a-z_]+(?=\{)/g)].map(([text]) => text),
    )
    expect(names.length).toBeGreaterThan(8)
    for (const metric of names) {
      const histogram = observed.exports[metric.replace(/_(bucket|sum|count)$/, '')] === 'histogram'
      expect(histogram || observed.exports[metric] !== undefined, metric).toBe(true)
      if (observed.exports[metric] === 'histogram') expect(metric, 'a histogram has buckets').toBe('')
    }
  })

  test.each(watched)('of $name is what its component names metrics by', ({ name, observed }) => {
    for (const metric of Object.values(componentNamed(name)?.metrics ?? {}))
      expect(observed.exports[metric], metric).toBeDefined()
  })
})

test('every GPU by name has a compute capability, and what is no GPU has none', () => {
  for (const { name, capability } of gpus) expect(capabilityOf(name)).toBe(capability)
  expect([capabilityOf('cpu'), capabilityOf('H1000'), capabilityOf('constructor')]).toEqual([
    undefined,
    undefined,
    undefined,
  ])
})

test('vectors have the length that their model gives, a provider’s too; an unknown model’s is not made up', () => {
  expect(vectorDimensions('BAAI/bge-base-en-v1.5')).toBe(768)
  expect(vectorDimensions('BAAI/bge-reranker-base')).toBeNull()
  expect(vectorDimensions('text-embedding-3-large')).toBe(3072)
  expect([vectorDimensions('my/own'), vectorDimensions('constructor')]).toEqual([undefined, undefined])
})

test('every known encoder fits the largest GPU', () => {
  for (const { name } of encoderModels) {
    expect(() => containerOf('rerank', `model: ${name}, gpu: B200`)).not.toThrow()
  }
})
