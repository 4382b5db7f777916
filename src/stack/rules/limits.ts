import { boundsOf } from '../normalise/autoscale.ts'
import type { StackShape } from '../schema.ts'
import { type ReplicaTierName, scaledTiers } from '../stack.ts'
import { type Rule, type RuleFinding, error, warning } from './rule.ts'

export const countsAreWithinLimits: Rule = ({ tiers, limits }) => {
  const most = limits.replicas
  if (most === undefined) return []
  return Object.entries(tiers).flatMap(([name, tier]) => {
    if (tier === undefined) return []
    const [key, counted] =
      'nodes' in tier
        ? (['nodes', tier.nodes] as const)
        : (['replicas', 'replicas' in tier ? tier.replicas : 1] as const)
    if (counted <= most) return []
    return [
      warning([`tiers.${name}.${key}`, 'limits.replicas'], `${counted} is above limits.replicas (${most})`),
    ]
  })
}

/** GPUs of the whole stack, autoscaled tiers at their most. */
export const gpusAreWithinLimits: Rule = ({ tiers, limits }) => {
  if (limits.gpus === undefined) return []
  const counted = (['embed', 'rerank', 'generate'] as const).flatMap((name) => {
    const each = gpusOfReplica(tiers[name])
    const most = Math.max(tiers[name]?.replicas ?? 0, bounds(tiers, limits, name)?.max ?? 0)
    return each * most === 0
      ? []
      : [{ name, gpus: each * most, autoscaled: tiers[name]?.autoscale !== undefined }]
  })
  const gpus = counted.reduce((sum, tier) => sum + tier.gpus, 0)
  if (gpus <= limits.gpus) return []
  const parts = counted.map(
    ({ name, gpus, autoscaled }) => `${name} ${gpus}${autoscaled ? ' at its most' : ''}`,
  )
  const message = `the tiers take ${gpus} GPUs (${parts.join(', ')}), above limits.gpus (${limits.gpus})`
  return [error(['limits.gpus', 'tiers'], message, 'raise the limit, or lower replicas or autoscale.max')]
}

function gpusOfReplica(tier: StackShape['tiers']['embed' | 'rerank' | 'generate']): number {
  if (tier === undefined || tier.component === 'openai') return 0
  if (tier.gpu === undefined || tier.gpu.toLowerCase() === 'cpu') return 0
  return 'tensorParallel' in tier ? tier.tensorParallel : 1
}

function bounds(
  tiers: StackShape['tiers'],
  limits: StackShape['limits'],
  name: ReplicaTierName & keyof StackShape['tiers'],
): { min: number; max: number } | null {
  const tier = tiers[name]
  if (tier === undefined || !('autoscale' in tier) || tier.autoscale === undefined) return null
  return boundsOf(tier.replicas, tier.autoscale, limits.replicas ?? null)
}

/** Its bounds, its schedule, and limits.replicas. */
export const autoscaleIsWithinBounds: Rule = ({ tiers, limits }) =>
  scaledTiers.flatMap((name) => {
    const tier = tiers[name]
    const autoscale = tier?.autoscale
    const most = bounds(tiers, limits, name)
    if (tier === undefined || autoscale === undefined || most === null) return []
    const { min, max } = most
    const at = `tiers.${name}.autoscale`
    const found: RuleFinding[] = []
    const bound = autoscale.max === undefined ? `${max}, which follows from limits.replicas` : `${max}`
    if (min > max) {
      const key = autoscale.min === undefined ? 'max' : 'min'
      const keys = [`${at}.${key}`, `${at}.min`, `${at}.max`, `tiers.${name}.replicas`, 'limits.replicas']
      found.push(error(keys, `at least ${min} replicas and at most ${bound}: nothing is both`))
    }
    if (limits.replicas !== undefined && max > limits.replicas) {
      found.push(
        error([`${at}.max`, 'limits.replicas'], `${max} is above limits.replicas (${limits.replicas})`),
      )
    }
    if (min <= max && tier.replicas > max) {
      const message = `${tier.replicas} to begin with is more than the most that autoscale allows (${bound})`
      found.push(warning([`tiers.${name}.replicas`, `${at}.max`, 'limits.replicas'], message))
    }
    for (const [index, { from, to, replicas }] of autoscale.schedule.entries()) {
      if (from.trim().split(/\s+/).join() === to.trim().split(/\s+/).join()) {
        const key = `${at}.schedule.${index}.to`
        found.push(error([key, `${at}.schedule`], 'the window ends when it begins'))
      }
      if (replicas <= max) continue
      const keys = [`${at}.schedule.${index}.replicas`, `${at}.max`, 'limits.replicas', `${at}.schedule`]
      found.push(error(keys, `${replicas} is more than the most that autoscale allows (${bound})`))
    }
    return found
  })
