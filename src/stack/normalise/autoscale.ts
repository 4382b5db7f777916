/** `autoscale:` as written → what follows it: the fewest, the most, and what a replica is held to. */
import { scalingOf } from '../../catalog/catalog.ts'
import type { AutoscaleShape } from '../schema/autoscale.ts'
import type { StackShape } from '../schema.ts'
import { type Autoscale, type ReplicaTier, type ReplicaTierName, type Stack, scaledTiers } from '../stack.ts'

/** The tiers with their autoscaling; `stack` has them without. */
export function withAutoscale(stack: Stack, written: StackShape['tiers']): Stack['tiers'] {
  const scaled = scaledTiers.flatMap((name): [ReplicaTierName, ReplicaTier][] => {
    const tier = stack.tiers[name]
    const shape = written[name]?.autoscale
    const autoscale = tier === undefined || shape === undefined ? null : autoscaleOf(name, tier, shape, stack)
    return tier === undefined || autoscale === null ? [] : [[name, { ...tier, autoscale }]]
  })
  return { ...stack.tiers, ...Object.fromEntries(scaled) }
}

/** Null where nothing is known that the tier could follow: a rule refuses that. */
function autoscaleOf(
  name: ReplicaTierName,
  tier: ReplicaTier,
  shape: AutoscaleShape,
  stack: Stack,
): Autoscale | null {
  const target = shape.target ?? scalingOf(stack, name)?.defaultTarget
  if (target === undefined) return null
  return { ...boundsOf(tier.replicas, shape, stack.limits.replicas), target, schedule: shape.schedule }
}

/** The fewest and the most replicas. */
export function boundsOf(
  replicas: number,
  shape: Pick<AutoscaleShape, 'min' | 'max'>,
  limit: number | null,
): { readonly min: number; readonly max: number } {
  return { min: shape.min ?? replicas, max: shape.max ?? limit ?? 2 * replicas }
}
