import type { StackShape } from '../schema.ts'
import { sloTarget } from '../schema/slo.ts'
import type { Stage } from '../stack.ts'
import { type Rule, error } from './rule.ts'

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

export const slosAreOfWhatThereIs: Rule = ({ slo, tiers, endpoints, target }) =>
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

export const slosAreSetOnce: Rule = ({ slo }) =>
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

export const slosRise: Rule = ({ slo }) =>
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
