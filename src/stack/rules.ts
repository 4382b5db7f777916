/** Rules across the keys of a file whose values are right one by one. Each returns what it finds; none throws. */
import { emulatedTiers, timingOf } from '../catalog/catalog.ts'
import { encoderModel, languageModel } from '../catalog/models.ts'
import { dimensionsOf, normalise } from './normalise.ts'
import type { Finding, Path } from './problems.ts'
import type { StackShape } from './schema.ts'
import { sloTarget } from './schema-slo.ts'
import type { Stage } from './stack.ts'

/** A finding that follows from several keys: with one of them unreadable it means nothing. */
export interface RuleFinding extends Finding {
  readonly about: readonly Path[]
}

type Rule = (shape: StackShape) => RuleFinding[]

export function applyRules(shape: StackShape): RuleFinding[] {
  return rules.flatMap((rule) => rule(shape))
}

/** `keys` are the keys that it follows from; it is shown at the first. */
function finding(
  severity: 'error' | 'warning',
  keys: readonly string[],
  message: string,
  hint?: string,
): RuleFinding {
  const about = keys.map((key) => key.split('.'))
  return { severity, path: about[0] ?? [], about, message, ...(hint === undefined ? {} : { hint }) }
}

const error = (keys: readonly string[], message: string, hint?: string) =>
  finding('error', keys, message, hint)
const warning = (keys: readonly string[], message: string, hint?: string) =>
  finding('warning', keys, message, hint)

const externalTakesEndpoints: Rule = (shape) => {
  const endpoints = Object.keys(shape.endpoints)
  const tiers = Object.keys(shape.tiers)
  if (shape.target !== 'external') {
    const found = endpoints.map((name) =>
      error(
        [`endpoints.${name}`, 'target'],
        `endpoints are for target external; this target is ${shape.target}`,
      ),
    )
    if (tiers.length > 0) return found
    return [
      ...found,
      error(['tiers', 'target', 'endpoints'], 'no tier: nothing would run', 'tiers.embed, for example'),
    ]
  }
  const found = tiers.map((name) =>
    error(
      [`tiers.${name}`, 'target'],
      'target external takes endpoints in place of tiers: someone else runs them',
    ),
  )
  if (endpoints.length > 0) return found
  return [
    ...found,
    error(['target', 'endpoints'], 'target external needs endpoints', 'endpoints.embed.url, for example'),
  ]
}

const tiersNeedEachOther: Rule = ({ tiers }) => {
  const needs = (name: 'gateway' | 'worker' | 'cache', others: readonly (keyof typeof tiers)[]) =>
    tiers[name] === undefined
      ? []
      : others
          .filter((other) => tiers[other] === undefined)
          .map((other) => error([`tiers.${name}`, `tiers.${other}`], `needs a tier ${other}`))
  return [
    ...needs('gateway', ['embed', 'vector', 'generate']),
    ...needs('worker', ['embed', 'vector']),
    ...needs('cache', ['gateway']),
  ]
}

const collectionFitsItsCluster: Rule = ({ tiers: { vector, embed } }) => {
  if (vector === undefined) return []
  const { nodes, collection } = vector
  const at = 'tiers.vector.collection'
  const shards = collection.shards ?? nodes
  const found: RuleFinding[] = []
  if (collection.replication > nodes) {
    const message = `${collection.replication} copies of a shard need as many nodes; there are ${nodes}`
    found.push(error([`${at}.replication`, 'tiers.vector.nodes'], message))
  }
  if (shards % nodes !== 0) {
    const message = `${shards} shards do not spread evenly over ${nodes} nodes`
    const hint = `a multiple of the nodes, such as ${Math.ceil(shards / nodes) * nodes}`
    found.push(warning([`${at}.shards`, 'tiers.vector.nodes'], message, hint))
  }
  if (nodes > 1 && collection.replication === 1) {
    const message = 'with one copy of each shard, losing a node loses part of the data'
    found.push(warning([`${at}.replication`, 'tiers.vector.nodes'], message, 'replication: 2'))
  }
  return [...found, ...dimensionsMatch(collection.dimensions, embed?.model)]
}

function dimensionsMatch(written: number | undefined, model: string | undefined): RuleFinding[] {
  const keys = ['tiers.vector.collection.dimensions', 'tiers.embed.model', 'tiers.embed']
  const given = model === undefined ? undefined : encoderModel(model)?.dimensions
  if (given === null)
    return [error(['tiers.embed.model'], `${model} is a cross-encoder: it gives no vectors`)]
  if (dimensionsOf(written, model) === undefined) {
    return [error(keys, 'missing', 'the length of the vectors: the embedding model is not a known one')]
  }
  if (written === undefined || given === undefined || written === given) return []
  return [error(keys, `${model} gives vectors of ${given} dimensions, not ${written}`)]
}

const generationFits: Rule = ({ tiers: { generate }, workload }) => {
  if (generate === undefined) return []
  const at = 'tiers.generate'
  const found: RuleFinding[] = []
  const heads = languageModel(generate.model)?.attentionHeads
  if (heads !== undefined && heads % generate.tensorParallel !== 0) {
    const message = `${generate.model} has ${heads} attention heads, which do not divide by ${generate.tensorParallel}`
    found.push(error([`${at}.tensorParallel`, `${at}.model`], message))
  }
  const tokens = workload.inputTokens + workload.outputTokens
  if (tokens > generate.maxModelLength) {
    const message = `a prompt and its answer have ${tokens} tokens, more than tiers.generate.maxModelLength`
    const keys = ['workload.inputTokens', 'workload.outputTokens', `${at}.maxModelLength`]
    found.push(error(keys, `${message} (${generate.maxModelLength})`))
  }
  return found
}

const lawsHaveTheirNumbers: Rule = ({ tiers }) =>
  emulatedTiers.flatMap((name) => {
    const emulate = tiers[name]?.emulate
    if (emulate?.model !== 'fifo') return []
    const at = `tiers.${name}.emulate`
    const belongs = { cv: 'lognormal', slowShare: 'bimodal', slowFactor: 'bimodal' } as const
    return Object.entries(belongs).flatMap(([key, law]) => {
      const written = emulate[key as keyof typeof belongs] !== undefined
      if (written === (emulate.law === law)) return []
      const message = written ? `means nothing with law ${emulate.law}` : `missing: law ${law} needs it`
      return [error([`${at}.${key}`, `${at}.law`], message)]
    })
  })

/** An emulated tier has to be timed: from the catalogue, or as `emulate:` says. */
const localIsTimed: Rule = (shape) => {
  if (shape.target !== 'local') return []
  const { tiers } = normalise(shape, '/')
  return emulatedTiers.flatMap((name) => {
    if (tiers[name] === undefined) return []
    const timing = timingOf(tiers, name)
    if (timing.model !== 'unknown') return []
    const at = `tiers.${name}`
    return [error([`${at}.${timing.key}`, at], timing.because, `or give the timing yourself: ${at}.emulate`)]
  })
}

const stageNeeds: Readonly<
  Record<
    Stage,
    { tiers: readonly (keyof StackShape['tiers'])[]; endpoint: keyof StackShape['endpoints'] | null }
  >
> = {
  embed: { tiers: ['embed'], endpoint: 'embed' },
  retrieve: { tiers: ['vector'], endpoint: 'vector' },
  rerank: { tiers: ['rerank'], endpoint: 'rerank' },
  generate: { tiers: ['generate'], endpoint: 'generate' },
  ingest: { tiers: ['embed', 'vector'], endpoint: null },
  pipeline: { tiers: ['gateway'], endpoint: 'pipeline' },
}

const slosAreOfWhatThereIs: Rule = ({ slo, tiers, endpoints, target }) =>
  Object.entries(slo).flatMap(([stage, limits]) => {
    if (limits === undefined) return []
    const needs = stageNeeds[stage as Stage]
    const at = `slo.${stage}`
    if (target === 'external') {
      if (needs.endpoint === null) return [error([at, 'target'], `target external has no stage ${stage}`)]
      if (endpoints[needs.endpoint] !== undefined) return []
      return [
        error(
          [at, `endpoints.${needs.endpoint}`, 'endpoints'],
          `there is no endpoints.${needs.endpoint} to hold to it`,
        ),
      ]
    }
    return needs.tiers
      .filter((tier) => tiers[tier] === undefined)
      .map((tier) => error([at, `tiers.${tier}`], `there is no tier ${tier} to hold to it`))
  })

const slosAreSetOnce: Rule = ({ slo }) =>
  Object.entries(slo).flatMap(([stage, limits]) => {
    const seen = new Map<string, string>()
    return Object.keys(limits ?? {}).flatMap((key) => {
      const { metric, percentile } = sloTarget(stage as Stage, key)
      const name = `${metric}.${percentile}`
      const before = seen.get(name)
      seen.set(name, key)
      if (before === undefined) return []
      const path = ['slo', stage, key]
      return [
        { severity: 'error' as const, path, about: [path], message: `limits the same as ${before} does` },
      ]
    })
  })

const slosRise: Rule = ({ slo }) =>
  Object.entries(slo).flatMap(([stage, limits]) => {
    const byMetric = Map.groupBy(
      Object.entries(limits ?? {}).filter(
        (entry): entry is [string, number] => entry[0] !== 'errors' && entry[1] !== undefined,
      ),
      ([key]) => sloTarget(stage as Stage, key).metric,
    )
    return [...byMetric.values()].flatMap((entries) => {
      const rising = [...entries].sort(([a], [b]) => rank(a) - rank(b))
      return rising.slice(1).flatMap(([key, limit], index) => {
        const [below, least] = rising[index] ?? ['', 0]
        if (limit >= least) return []
        const path = ['slo', stage, key]
        return [
          {
            severity: 'warning' as const,
            path,
            about: [path],
            message: `is lower than the limit on ${below}, which then never decides`,
          },
        ]
      })
    })
  })

/** `p999` is above `p99`. */
function rank(key: string): number {
  return Number(`0.${key.slice(key.lastIndexOf('p') + 1)}`)
}

const countsAreWithinLimits: Rule = ({ tiers, limits }) => {
  const found: RuleFinding[] = []
  for (const [name, tier] of Object.entries(tiers)) {
    if (tier === undefined || limits.replicas === undefined) continue
    const [key, counted] =
      'nodes' in tier ? (['nodes', tier.nodes] as const) : (['replicas', tier.replicas] as const)
    if (counted > limits.replicas) {
      found.push(
        warning(
          [`tiers.${name}.${key}`, 'limits.replicas'],
          `${counted} is above limits.replicas (${limits.replicas})`,
        ),
      )
    }
  }
  const gpus = [tiers.embed, tiers.rerank, tiers.generate].reduce((sum, tier) => {
    const each =
      tier?.gpu === undefined || tier.gpu.toLowerCase() === 'cpu'
        ? 0
        : 'tensorParallel' in tier
          ? tier.tensorParallel
          : 1
    return sum + each * (tier?.replicas ?? 0)
  }, 0)
  if (limits.gpus !== undefined && gpus > limits.gpus) {
    found.push(
      warning(['limits.gpus', 'tiers'], `the tiers take ${gpus} GPUs, above limits.gpus (${limits.gpus})`),
    )
  }
  return found
}

const endpointsAreWhole: Rule = ({ endpoints }) => {
  const found: RuleFinding[] = []
  for (const [name, endpoint] of Object.entries(endpoints)) {
    if (endpoint === undefined) continue
    const at = `endpoints.${name}`
    if ((endpoint.certFile === undefined) !== (endpoint.keyFile === undefined)) {
      const [there, lacking] =
        endpoint.certFile === undefined ? ['keyFile', 'certFile'] : ['certFile', 'keyFile']
      found.push(error([`${at}.${there}`, `${at}.${lacking}`], `needs ${lacking} beside it`))
    }
  }
  const { embed, pipeline } = endpoints
  if (embed?.protocol === 'openai' && embed.model === undefined) {
    found.push(
      error(
        ['endpoints.embed.model', 'endpoints.embed.protocol'],
        'missing: protocol openai asks for a model',
      ),
    )
  }
  if (pipeline?.protocol === 'http' && pipeline.body === undefined) {
    found.push(
      error(['endpoints.pipeline.body', 'endpoints.pipeline.protocol'], 'missing: protocol http posts it'),
    )
  }
  if (pipeline?.body !== undefined && !pipeline.body.includes('{{query}}')) {
    found.push(error(['endpoints.pipeline.body'], 'has no {{query}} in it: every request would be the same'))
  }
  if (pipeline?.protocol === 'ragscale') {
    for (const key of ['body', 'answer'] as const) {
      if (pipeline[key] === undefined) continue
      found.push(
        error(
          [`endpoints.pipeline.${key}`, 'endpoints.pipeline.protocol'],
          'means nothing with protocol ragscale',
        ),
      )
    }
  }
  return found
}

const rules: readonly Rule[] = [
  externalTakesEndpoints,
  tiersNeedEachOther,
  collectionFitsItsCluster,
  generationFits,
  lawsHaveTheirNumbers,
  localIsTimed,
  slosAreOfWhatThereIs,
  slosAreSetOnce,
  slosRise,
  countsAreWithinLimits,
  endpointsAreWhole,
]
