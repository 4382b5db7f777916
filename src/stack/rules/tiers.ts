import { emulatedTiers, timingOf } from '../../catalog/catalog.ts'
import { vectorDimensions } from '../../catalog/models.ts'
import { normalise } from '../normalise.ts'
import { dimensionsOf } from '../normalise/tiers.ts'
import type { StackShape } from '../schema.ts'
import { type Rule, type RuleFinding, error, warning } from './rule.ts'

type TierName = keyof StackShape['tiers']

const neededBy: readonly (readonly [TierName, readonly TierName[]])[] = [
  ['gateway', ['embed', 'vector', 'generate']],
  ['worker', ['embed', 'vector']],
  ['cache', ['gateway']],
  ['queue', ['worker']],
  ['ui', ['generate']],
]

export const tiersNeedEachOther: Rule = ({ tiers }) =>
  neededBy.flatMap(([name, others]) =>
    tiers[name] === undefined
      ? []
      : others
          .filter((other) => tiers[other] === undefined)
          .map((other) => error([`tiers.${name}`, `tiers.${other}`], `needs a tier ${other}`)),
  )

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
  if (collection.writeConsistency > collection.replication) {
    const message = `${collection.writeConsistency} copies are to have a write before it is answered, and there are ${collection.replication}`
    const hint = `at most ${collection.replication}, or raise replication`
    found.push(error([`${at}.writeConsistency`, `${at}.replication`], message, hint))
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
  const given = model === undefined ? undefined : vectorDimensions(model)
  if (given === null)
    return [error(['tiers.embed.model'], `${model} is a cross-encoder: it gives no vectors`)]
  if (dimensionsOf(written, model) === undefined) {
    return [error(keys, 'missing', 'the length of the vectors: the embedding model is not a known one')]
  }
  if (written === undefined || given === undefined || written === given) return []
  return [error(keys, `${model} gives vectors of ${given} dimensions, not ${written}`)]
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

/** Whether emulators stand in for what is declared: then it needs a timing in place of hardware that can hold it. */
export function isEmulated({ target, rehearse }: StackShape): boolean {
  return target === 'local' || rehearse
}

/** An emulated tier has to be timed: from the catalogue, or as `emulate:` says. */
export const emulatedIsTimed: Rule = (shape) => {
  if (!isEmulated(shape)) return []
  const { tiers } = normalise(shape, '/')
  return emulatedTiers.flatMap((name) => {
    if (tiers[name] === undefined) return []
    const timing = timingOf(tiers, name)
    if (timing.model !== 'unknown') return []
    const at = `tiers.${name}`
    return [error([`${at}.${timing.key}`, at], timing.because, `or give the timing yourself: ${at}.emulate`)]
  })
}

/** On target external nothing of ours runs that could be an emulator. */
export const rehearsalHasTiers: Rule = ({ target, rehearse }) =>
  rehearse && target === 'external'
    ? [error(['rehearse', 'target'], 'means nothing with target external: someone else runs the servers')]
    : []
