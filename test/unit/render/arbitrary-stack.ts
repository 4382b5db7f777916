/** Random stacks that `ragscale.yaml` may describe: written as a user would, read by the project's own reader. */
import fc from 'fast-check'
import { readStack } from '../../../src/stack/load.ts'
import type { Stack } from '../../../src/stack/stack.ts'

/** A whole `ragscale.yaml`, as the value that its text holds. Valid, whatever was drawn. */
export type StackFile = Readonly<Record<string, unknown>>

export interface ArbitraryStackOptions {
  /** Of the stacks; default: any of these three. */
  readonly targets?: readonly ('compose' | 'swarm' | 'kubernetes')[]
  /** Whether emulators stand in for the tiers; default: either. */
  readonly rehearse?: boolean
}

/** Parsed and normalised stacks that break no rule. A draw that does is a fault of this file, and throws. */
export function arbitraryStack(options: ArbitraryStackOptions = {}): fc.Arbitrary<Stack> {
  return arbitraryStackFile(options).map(stackOf)
}

export function stackOf(file: StackFile): Stack {
  // JSON is YAML.
  const { stack, problems } = readStack(JSON.stringify(file, null, 2), '/stacks/drawn/ragscale.yaml')
  if (stack !== null) return stack
  const said = problems.map(({ key, message }) => `${key}: ${message}`).join('\n')
  throw new Error(`the drawn stack is not valid:\n${said}\n${JSON.stringify(file, null, 2)}`)
}

export function arbitraryStackFile(options: ArbitraryStackOptions = {}): fc.Arbitrary<StackFile> {
  const { targets = ['compose', 'swarm', 'kubernetes'], rehearse } = options
  return fc
    .record({
      name: fc.constantFrom('rag', 'handbook', 'a', 'support-2026', 'x'.repeat(40)),
      target: fc.constantFrom(...targets),
      rehearse: rehearse === undefined ? fc.boolean() : fc.constant(rehearse),
      gateway: maybe(replicated),
      embed,
      vector,
      rerank: maybe(rerank),
      generate,
      cache: maybe(cache),
      worker: maybe(replicated),
      queue: maybe(fc.record({}, { requiredKeys: [] })),
      metadata: maybe(fc.record({ replicas: fc.integer({ min: 1, max: 4 }) })),
      ui: maybe(fc.constant({})),
      balancer,
      workload,
      slo: maybe(fc.constant({ embed: { p99: '100ms' }, retrieve: { p99: '100ms' } })),
      limits: maybe(fc.constant({ replicas: 64, gpus: 4096, budget: '20000/month' })),
    })
    .map(fileOf)
}

/** Three of four times: a stack with everything is drawn often enough. */
function maybe<T>(arbitrary: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> {
  return fc.option(arbitrary, { nil: undefined, freq: 3 })
}

const image = maybe(fc.constantFrom('registry.example/team/own:1.2.3', 'registry.example:5000/own:v1'))
const resources = maybe(
  fc.record(
    { cpus: fc.constantFrom(0.5, 2, 7.5), memory: fc.constantFrom('512MiB', '6GiB', '48GiB') },
    { requiredKeys: [] },
  ),
)
const schedule = fc.array(
  fc.record({
    from: fc.constantFrom('0 8 * * 1-5', '30 6 1 * *'),
    to: fc.constantFrom('0 18 * * 1-5', '0 23 1 * *'),
    timezone: fc.constantFrom('UTC', 'Europe/Berlin', 'America/New_York'),
    replicas: fc.integer({ min: 1, max: 8 }),
  }),
  { maxLength: 2 },
)
const autoscale = maybe(
  fc.record({ min: fc.integer({ min: 1, max: 4 }), max: fc.integer({ min: 8, max: 16 }), schedule }),
)

const replicas = fc.integer({ min: 1, max: 8 })
const replicated = fc.record({ replicas, image, resources, autoscale })

const encoderGpu = fc.constantFrom('cpu', 'T4', 'L4', 'A10G', 'L40S', 'A100', 'H100')

const provider = {
  requestsPerMinute: fc.integer({ min: 60, max: 10_000 }),
  tokensPerMinute: fc.integer({ min: 10_000, max: 10_000_000 }),
  prices: fc.constant({ input: 0.15, output: 0.6 }),
}

const embed = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({
      component: fc.constant('tei'),
      model: fc.constantFrom('BAAI/bge-small-en-v1.5', 'BAAI/bge-base-en-v1.5', 'intfloat/e5-large-v2'),
      gpu: encoderGpu,
      replicas,
      image,
      resources,
      autoscale,
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      component: fc.constant('openai'),
      model: fc.constant('text-embedding-3-small'),
      url: fc.constant('https://embeddings.example'),
      apiKeyEnv: fc.constant('EMBEDDINGS_API_KEY'),
      ...provider,
    }),
  },
)

const rerank = fc.record({
  component: fc.constant('tei'),
  model: fc.constantFrom('BAAI/bge-reranker-base', 'cross-encoder/ms-marco-MiniLM-L-6-v2'),
  gpu: encoderGpu,
  replicas,
  image,
  resources,
  autoscale,
})

const vector = fc
  .record({
    nodes: fc.integer({ min: 1, max: 6 }),
    each: fc.integer({ min: 1, max: 4 }),
    copies: fc.integer({ min: 1, max: 3 }),
    consistency: fc.integer({ min: 1, max: 3 }),
    cpus: fc.constantFrom(1, 4, 16),
    points: fc.constantFrom(2_000, 1_000_000, 40_000_000),
    distance: fc.constantFrom('Cosine', 'Dot', 'Euclid', 'Manhattan'),
    quantization: fc.constantFrom('none', 'scalar', 'product', 'binary'),
    image,
  })
  .map(({ nodes, each, copies, consistency, cpus, points, distance, quantization, image: own }) => {
    const replication = Math.min(copies, nodes)
    return {
      component: 'qdrant',
      nodes,
      cpus,
      image: own,
      collection: {
        name: 'docs',
        shards: nodes * each,
        replication,
        writeConsistency: Math.min(consistency, replication),
        points,
        distance,
        quantization,
      },
    }
  })

/** Models on GPUs that hold them, and over as many as their heads divide by. */
const languageModels = [
  { model: 'Qwen/Qwen2.5-0.5B-Instruct', gpu: 'L4', tensorParallel: 1 },
  { model: 'meta-llama/Llama-3.1-8B-Instruct', gpu: 'L40S', tensorParallel: 1 },
  { model: 'meta-llama/Llama-3.1-8B-Instruct', gpu: 'H100', tensorParallel: 2 },
  { model: 'meta-llama/Llama-3.3-70B-Instruct', gpu: 'H100', tensorParallel: 4 },
  { model: 'Qwen/Qwen2.5-72B-Instruct', gpu: 'H200', tensorParallel: 8 },
] as const

const generate = fc.oneof(
  {
    weight: 6,
    arbitrary: fc
      .record({
        component: fc.constantFrom('vllm', 'vllm', 'tgi'),
        held: fc.constantFrom(...languageModels),
        maxModelLength: fc.constantFrom(4096, 8192),
        maxSequences: fc.constantFrom(32, 128),
        replicas,
        image,
        resources,
        autoscale,
      })
      .map(({ held, ...rest }) => ({ ...rest, ...held })),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      component: fc.constant('openai'),
      model: fc.constant('a-chat-model'),
      url: fc.constant('https://models.example'),
      apiKeyEnv: fc.constant('MODELS_API_KEY'),
      ...provider,
    }),
  },
)

const cache = fc.record({
  component: fc.constantFrom('memory', 'redis'),
  embeddings: maybe(fc.constant({ ttl: '1h' })),
  retrievals: maybe(fc.constant({ ttl: '10m' })),
  answers: maybe(fc.constant({ ttl: '10m' })),
  entries: fc.constantFrom(100, 10_000, 1_000_000),
})

const balancer = fc.record({
  component: fc.constantFrom('nginx', 'haproxy', 'envoy'),
  policy: fc.constantFrom('least-connections', 'round-robin', 'random'),
  replicas: fc.integer({ min: 1, max: 3 }),
})

const workload = fc.record({
  rate: fc.constantFrom('1/s', '20/s', '400/s'),
  topK: fc.constantFrom(1, 5, 20),
  inputTokens: fc.constantFrom(200, 3000),
  outputTokens: fc.constantFrom(16, 500),
  seed: fc.integer({ min: 0, max: 1000 }),
})

interface Drawn {
  readonly gateway: unknown
  readonly worker: unknown
  readonly cache: unknown
  readonly queue: unknown
  readonly embed: Readonly<Record<string, unknown>>
  readonly generate: Readonly<Record<string, unknown>>
  readonly [key: string]: unknown
}

/** Takes out what would need a tier that was not drawn, and gives a timing where emulators need one. */
function fileOf(drawn: Drawn): StackFile {
  const { name, target, rehearse, balancer: before, workload: asked, slo, limits, ...tiers } = drawn
  const timed = { model: 'fifo', law: 'exponential', mean: '20ms', servers: 4 }
  const emulated = (tier: Readonly<Record<string, unknown>>) =>
    rehearse === true && tier['component'] !== 'tei' && tier['component'] !== 'vllm'
      ? { ...tier, emulate: timed }
      : tier
  return withoutUndefined({
    name,
    target,
    rehearse,
    tiers: {
      ...tiers,
      embed: emulated(drawn.embed),
      generate: emulated(drawn.generate),
      cache: drawn.gateway === undefined ? undefined : drawn.cache,
      queue: drawn.worker === undefined ? undefined : drawn.queue,
    },
    balancer: before,
    workload: asked,
    slo,
    limits,
  }) as StackFile
}

function withoutUndefined(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutUndefined)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(
    Object.entries(value).flatMap(([key, inner]) =>
      inner === undefined ? [] : [[key, withoutUndefined(inner)]],
    ),
  )
}
