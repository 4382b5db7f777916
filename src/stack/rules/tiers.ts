import { emulatedTiers, timingOf } from '../../catalog/catalog.ts'
import { encoderModel, languageModel } from '../../catalog/models.ts'
import { dimensionsOf, normalise } from '../normalise.ts'
import { type Rule, type RuleFinding, error, warning } from './rule.ts'

export const tiersNeedEachOther: Rule = ({ tiers }) => {
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

export const collectionFitsItsCluster: Rule = ({ tiers: { vector, embed } }) => {
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

export const generationFits: Rule = ({ tiers: { generate }, workload }) => {
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

export const lawsHaveTheirNumbers: Rule = ({ tiers }) =>
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
export const localIsTimed: Rule = (shape) => {
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

export const countsAreWithinLimits: Rule = ({ tiers, limits }) => {
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
