/** `tiers:` as written → the tiers of a stack, but for their autoscaling, and what else runs beside them. */
import { vectorDimensions } from '../../catalog/models.ts'
import { defaultProvider } from '../schema/provider.ts'
import type { StackShape } from '../schema.ts'
import type { Provider, ReplicaTier, ResourceOverride, Stack, SupportTier, VectorTier } from '../stack.ts'
import { emulationOf } from './emulation.ts'

type Tiers = StackShape['tiers']
type Shape<T extends keyof Tiers> = NonNullable<Tiers[T]>

export function tiersOf(tiers: Tiers): Stack['tiers'] {
  const { gateway, embed, vector, rerank, generate, cache, worker } = tiers
  return {
    ...(gateway && { gateway: ownTier(gateway) }),
    ...(embed && { embed: embedTier(embed) }),
    ...(vector && { vector: vectorTier(vector, embed?.model) }),
    ...(rerank && { rerank: encoderTier(rerank) }),
    ...(generate && { generate: generateTier(generate) }),
    ...(cache && { cache: cacheTier(cache) }),
    ...(worker && { worker: ownTier(worker) }),
  }
}

export function supportOf({ queue, metadata, ui }: Tiers): Stack['support'] {
  const one = (shape: Shape<'queue' | 'metadata' | 'ui'>): SupportTier => ({
    component: shape.component,
    replicas: 'replicas' in shape ? shape.replicas : 1,
    ...deploymentOf(shape),
  })
  return {
    ...(queue && { queue: one(queue) }),
    ...(metadata && { metadata: one(metadata) }),
    ...(ui && { ui: one(ui) }),
  }
}

function ownTier(shape: Shape<'gateway' | 'worker'>): ReplicaTier {
  return { component: shape.component, replicas: shape.replicas, ...deploymentOf(shape) }
}

function embedTier(shape: Shape<'embed'>): ReplicaTier {
  if (shape.component !== 'openai') return encoderTier(shape)
  return { ...providedTier(shape), ...emulated(shape) }
}

function encoderTier(shape: Shape<'embed' | 'rerank'>): ReplicaTier {
  const { component, model, replicas, gpu } = shape
  return { component, model, replicas, gpu: gpu ?? 'cpu', ...deploymentOf(shape), ...emulated(shape) }
}

/** Sequences that one replica decodes together where nothing is written: each server's own default. */
const sequences: Readonly<Record<string, number>> = { vllm: 256, tgi: 128, ollama: 4 }

function generateTier(shape: Shape<'generate'>): ReplicaTier {
  const { component, model, replicas, gpu, tensorParallel, maxModelLength, maxSequences } = shape
  if (component === 'openai') return { ...providedTier(shape), maxModelLength, ...emulated(shape) }
  return {
    component,
    model,
    replicas,
    tensorParallel,
    maxModelLength,
    maxSequences: maxSequences ?? sequences[component] ?? 256,
    ...(gpu !== undefined && { gpu }),
    ...deploymentOf(shape),
    ...emulated(shape),
  }
}

/** Counted as one, however many servers the provider has: its limits are what it can do. */
function providedTier(shape: Shape<'embed' | 'generate'>): ReplicaTier {
  return { component: shape.component, model: shape.model, replicas: 1, provider: providerOf(shape) }
}

function providerOf(shape: Shape<'embed' | 'generate'>): Provider {
  return {
    url: (shape.url ?? defaultProvider.url).replace(/\/+$/, ''),
    apiKeyEnv: shape.apiKeyEnv ?? defaultProvider.apiKeyEnv,
    requestsPerMinute: shape.requestsPerMinute ?? null,
    tokensPerMinute: shape.tokensPerMinute ?? null,
    inputPrice: shape.prices?.input ?? null,
    outputPrice: shape.prices?.output ?? null,
  }
}

function cacheTier(shape: Shape<'cache'>): ReplicaTier {
  const { component, replicas, embeddings, retrievals, answers, entries } = shape
  return {
    component,
    replicas,
    ...deploymentOf(shape),
    cache: {
      embeddings: embeddings?.ttl ?? null,
      retrievals: retrievals?.ttl ?? null,
      answers: answers?.ttl ?? null,
      entries,
    },
  }
}

function vectorTier(shape: Shape<'vector'>, embedModel: string | undefined): VectorTier {
  const { component, nodes, cpus, collection } = shape
  return {
    component,
    nodes,
    cpus,
    collection: {
      ...collection,
      dimensions: dimensionsOf(collection.dimensions, embedModel) ?? 0,
      shards: collection.shards ?? nodes,
    },
    ...deploymentOf(shape),
    ...emulated(shape),
  }
}

/** What is written, else what the embedding model gives, where it is known. */
export function dimensionsOf(
  written: number | undefined,
  embedModel: string | undefined,
): number | undefined {
  return written ?? (embedModel === undefined ? undefined : (vectorDimensions(embedModel) ?? undefined))
}

interface Deployed {
  readonly image?: string | undefined
  readonly resources?:
    | { readonly cpus?: number | undefined; readonly memory?: number | undefined }
    | undefined
}

/** What is written in place of the catalogue's image and resources. */
function deploymentOf({ image, resources }: Deployed): {
  readonly image?: string
  readonly resources?: ResourceOverride
} {
  const { cpus, memory } = resources ?? {}
  return {
    ...(image !== undefined && { image }),
    ...((cpus !== undefined || memory !== undefined) && {
      resources: {
        ...(cpus !== undefined && { cpus }),
        ...(memory !== undefined && { memoryBytes: memory }),
      },
    }),
  }
}

function emulated({
  emulate,
}: Pick<Shape<'embed'>, never> & { readonly emulate?: Parameters<typeof emulationOf>[0] | undefined }) {
  return emulate === undefined ? {} : { emulate: emulationOf(emulate) }
}
