/** A file's shape → the `Stack` that everything else reads: paths absolute, what follows from other keys filled in. */
import { dirname, resolve } from 'node:path'
import { encoderModel } from '../catalog/models.ts'
import { readArrivals } from './arrivals.ts'
import type { EmulateShape } from './schema/emulate.ts'
import type { StackShape } from './schema.ts'
import { sloTarget } from './schema/slo.ts'
import type {
  Arrivals,
  Emulation,
  Endpoint,
  EndpointName,
  ReplicaTier,
  ServiceLaw,
  Slo,
  Stack,
  Stage,
  VectorTier,
} from './stack.ts'

/** `file` is absolute. The shape has passed the rules, so that nothing here can fail. */
export function normalise(shape: StackShape, file: string): Stack {
  const folder = dirname(file)
  return {
    name: shape.name,
    target: shape.target,
    file,
    folder,
    tiers: tiersOf(shape.tiers),
    balancer: { ...shape.balancer, replicas: 1 },
    support: {},
    workload: {
      rate: shape.workload.rate,
      arrivals: arrivalsOf(shape.workload.arrivals, folder),
      queries: shape.workload.queries === undefined ? null : resolve(folder, shape.workload.queries),
      zipf: shape.workload.skew.zipf ?? null,
      topK: shape.workload.topK,
      inputTokens: shape.workload.inputTokens,
      outputTokens: shape.workload.outputTokens,
      seed: shape.workload.seed,
    },
    slo: slosOf(shape.slo),
    limits: {
      replicas: shape.limits.replicas ?? null,
      gpus: shape.limits.gpus ?? null,
      budgetPerMonth: shape.limits.budget ?? null,
      load: {
        rate: shape.limits.load.rate ?? null,
        requests: shape.limits.load.requests ?? null,
        spend: shape.limits.load.spend ?? null,
      },
    },
    endpoints: endpointsOf(shape.endpoints, folder),
  }
}

function tiersOf(tiers: StackShape['tiers']): Stack['tiers'] {
  const { gateway, embed, vector, rerank, generate, cache, worker } = tiers
  return {
    ...(gateway && { gateway }),
    ...(embed && { embed: encoderTier(embed) }),
    ...(vector && { vector: vectorTier(vector, embed?.model) }),
    ...(rerank && { rerank: encoderTier(rerank) }),
    ...(generate && { generate: generateTier(generate) }),
    ...(cache && { cache: cacheTier(cache) }),
    ...(worker && { worker }),
  }
}

type Shape<T extends keyof StackShape['tiers']> = NonNullable<StackShape['tiers'][T]>

function encoderTier({ emulate, gpu, ...rest }: Shape<'embed' | 'rerank'>): ReplicaTier {
  return { ...rest, gpu: gpu ?? 'cpu', ...(emulate && { emulate: emulationOf(emulate) }) }
}

function generateTier({ emulate, gpu, ...rest }: Shape<'generate'>): ReplicaTier {
  return { ...rest, ...(gpu !== undefined && { gpu }), ...(emulate && { emulate: emulationOf(emulate) }) }
}

function cacheTier({
  component,
  replicas,
  embeddings,
  retrievals,
  answers,
  entries,
}: Shape<'cache'>): ReplicaTier {
  return {
    component,
    replicas,
    cache: {
      embeddings: embeddings?.ttl ?? null,
      retrievals: retrievals?.ttl ?? null,
      answers: answers?.ttl ?? null,
      entries,
    },
  }
}

function vectorTier(
  { emulate, collection, ...rest }: Shape<'vector'>,
  embedModel: string | undefined,
): VectorTier {
  return {
    ...rest,
    collection: {
      ...collection,
      dimensions: dimensionsOf(collection.dimensions, embedModel) ?? 0,
      shards: collection.shards ?? rest.nodes,
    },
    ...(emulate && { emulate: emulationOf(emulate) }),
  }
}

/** What is written, else what the embedding model gives, where it is known. */
export function dimensionsOf(
  written: number | undefined,
  embedModel: string | undefined,
): number | undefined {
  return (
    written ?? (embedModel === undefined ? undefined : (encoderModel(embedModel)?.dimensions ?? undefined))
  )
}

/** `emulate:` as written → a timing model. */
function emulationOf(shape: EmulateShape): Emulation {
  switch (shape.model) {
    case 'fifo':
      return {
        model: 'fifo',
        law: lawOf(shape),
        servers: shape.servers,
        queueLimit: shape.queueLimit ?? null,
      }
    case 'batching':
      return {
        model: 'batching',
        overheadMs: shape.overhead,
        msPerToken: shape.perToken,
        maxBatchTokens: shape.maxBatchTokens,
        maxConcurrent: shape.maxConcurrent,
        cv: shape.cv,
      }
    case 'continuous':
      return {
        model: 'continuous',
        stepMs: shape.step,
        msPerSequence: shape.perSequence,
        prefillMs: shape.prefill,
        msPerPrefillToken: shape.perPrefillToken,
        maxSequences: shape.maxSequences,
        maxBatchedTokens: shape.maxBatchedTokens,
        kvTokens: shape.kvTokens,
        cv: shape.cv,
      }
    case 'search':
      return {
        model: 'search',
        servers: shape.servers,
        baseMs: shape.base,
        msPerMillionPoints: shape.perMillionPoints,
        fanoutMs: shape.fanout,
        cv: shape.cv,
      }
  }
}

function lawOf(shape: EmulateShape & { model: 'fifo' }): ServiceLaw {
  const { law: kind, mean: meanMs } = shape
  if (kind === 'lognormal') return { kind, meanMs, cv: shape.cv ?? 1 }
  if (kind === 'bimodal')
    return { kind, meanMs, slowShare: shape.slowShare ?? 0.1, slowFactor: shape.slowFactor ?? 10 }
  return { kind, meanMs }
}

function arrivalsOf(text: string, folder: string): Arrivals {
  const arrivals = readArrivals(text) ?? { kind: 'poisson' }
  return arrivals.kind === 'trace' ? { kind: 'trace', file: resolve(folder, arrivals.file) } : arrivals
}

function slosOf(slo: StackShape['slo']): Slo[] {
  return Object.entries(slo).flatMap(([stage, limits]) =>
    Object.entries(limits ?? {}).flatMap(([key, limit]) =>
      limit === undefined ? [] : [sloOf(stage as Stage, key, limit)],
    ),
  )
}

function sloOf(stage: Stage, key: string, limit: number): Slo {
  const { metric, percentile } = sloTarget(stage, key)
  return {
    on: percentile === null ? `${stage}.${metric}` : `${stage}.${metric}.${percentile}`,
    stage,
    metric,
    percentile,
    limit,
    unit: percentile === null ? 'ratio' : 'ms',
  }
}

function endpointsOf(endpoints: StackShape['endpoints'], folder: string): Stack['endpoints'] {
  const named = Object.entries(endpoints).flatMap(([name, endpoint]) => {
    if (endpoint === undefined) return []
    const { timeout, caFile, certFile, keyFile, ...rest } = endpoint
    const files = { caFile, certFile, keyFile }
    const absolute = Object.entries(files).flatMap(([key, path]) =>
      path === undefined ? [] : [[key, resolve(folder, path)]],
    )
    return [
      [
        name,
        { ...rest, ...Object.fromEntries(absolute), ...(timeout !== undefined && { timeoutMs: timeout }) },
      ],
    ]
  })
  return Object.fromEntries(named) as Partial<Record<EndpointName, Endpoint>>
}
