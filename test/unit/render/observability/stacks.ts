/** Stacks to watch: the presets, and one that differs where an alert wants it to. */
import { readTemplates } from '../../../../src/deployed/templates.ts'
import type { Rendered } from '../../../../src/render/rendered.ts'
import { renderObservability } from '../../../../src/render/observability/observability.ts'
import { type Watched, watchedOf } from '../../../../src/render/observability/watched.ts'
import type { RenderTarget } from '../../../../src/render/topology.ts'
import { topologyOf } from '../../../../src/render/workloads.ts'
import { readStack } from '../../../../src/stack/load.ts'
import { presetText } from '../../../../src/stack/presets.ts'
import type { Stack } from '../../../../src/stack/stack.ts'
import { stackOf } from '../arbitrary-stack.ts'

export async function presetStack(name: 'laptop' | 'small' | 'production'): Promise<Stack> {
  const { stack, problems } = readStack(await presetText(name), '/stacks/ragscale.yaml')
  if (stack === null) throw new Error(problems.map(({ message }) => message).join('\n'))
  return stack
}

/** Every tier, small numbers, an SLO on every stage. */
const everything = {
  name: 'handbook',
  target: 'compose',
  tiers: {
    gateway: { component: 'reference', replicas: 2 },
    embed: { component: 'tei', model: 'BAAI/bge-base-en-v1.5', replicas: 2, gpu: 'L4' },
    vector: {
      component: 'qdrant',
      nodes: 3,
      collection: { name: 'docs', points: 1_000_000, shards: 6, replication: 2 },
    },
    rerank: { component: 'tei', model: 'BAAI/bge-reranker-base', replicas: 1, gpu: 'L4' },
    generate: {
      component: 'vllm',
      model: 'meta-llama/Llama-3.1-8B-Instruct',
      replicas: 2,
      gpu: 'H100',
      maxModelLength: 8192,
      maxSequences: 64,
    },
    cache: { component: 'redis', embeddings: { ttl: '1h' } },
    worker: { component: 'reference', replicas: 2 },
    queue: { component: 'redis' },
  },
  balancer: { component: 'haproxy' },
  workload: { rate: '20/s', queries: 'data/queries.jsonl' },
  slo: {
    embed: { p99: '50ms' },
    retrieve: { p99: '100ms' },
    rerank: { p99: '250ms' },
    generate: { p95: '10s', 'ttft.p95': '1s' },
    ingest: { p95: '5s', errors: '1%' },
    pipeline: { p95: '5s', 'ttft.p99': '2s', errors: '1%' },
  },
  limits: { replicas: 8, gpus: 8, budget: '8000/month' },
} as const

export const variants = {
  everything,
  tgi: {
    ...everything,
    tiers: { ...everything.tiers, generate: { ...everything.tiers.generate, component: 'tgi' } },
  },
  /** Generation by an API provider, priced by its tokens. */
  provider: {
    ...everything,
    tiers: {
      ...everything.tiers,
      generate: {
        component: 'openai',
        model: 'gpt-4o-mini',
        prices: { input: 2, output: 8 },
      },
    },
    slo: { pipeline: { p95: '5s', errors: '1%' } },
  },
  envoy: { ...everything, balancer: { component: 'envoy' } },
} as const
export type Variant = keyof typeof variants

const parsed = new Map<Variant, Stack>()

export function variantStack(name: Variant): Stack {
  const known = parsed.get(name) ?? stackOf(variants[name])
  parsed.set(name, known)
  return known
}

export function watched(stack: Stack, target: RenderTarget): Watched {
  return watchedOf(topologyOf(stack, target))
}

const made = new Map<Stack, Map<RenderTarget, Rendered>>()

/** Rendered once for each stack and target. */
export async function rendered(stack: Stack, target: RenderTarget): Promise<Rendered> {
  const byTarget = made.get(stack) ?? new Map<RenderTarget, Rendered>()
  made.set(stack, byTarget)
  const files = byTarget.get(target) ?? renderObservability(topologyOf(stack, target), await readTemplates())
  byTarget.set(target, files)
  return files
}

/** The text of the one file whose path ends so. */
export function fileOf(files: Rendered, ending: string): string {
  const found = [...files].filter(([path]) => path.endsWith(ending))
  if (found.length !== 1) throw new Error(`${found.length} files end in ${ending}`)
  return found[0]![1]
}
