import { ExitCode, UserError } from '../errors.ts'
import { type Stack, type Tier, tiers } from '../stack/stack.ts'
import { parseCount } from '../stack/units.ts'

/** Replicas or nodes by tier, as `scale` is told them. Throws a UserError (exit 2). */
export function parseCounts(texts: readonly string[]): ReadonlyMap<string, number> {
  return new Map(
    texts.map((text) => {
      const [tier = '', count, ...rest] = text.split('=')
      if (count === undefined || rest.length > 0 || !(tiers as readonly string[]).includes(tier)) {
        throw usage(`expected <tier>=<count> such as embed=3, got "${text}"`, `tiers: ${tiers.join(', ')}`)
      }
      const number = parseCount(count, tier)
      if (number < 1)
        throw usage(`${tier}=${count}: at least one has to run`, 'ragscale down stops the stack')
      return [tier, number] as const
    }),
  )
}

/** The same stack with other counts. Throws a UserError (exit 2) for a tier that it does not have. */
export function withCounts(stack: Stack, counts: ReadonlyMap<string, number>): Stack {
  let changed = stack
  for (const [name, count] of counts) {
    const tier = name as Tier
    const now = changed.tiers[tier]
    if (now === undefined || tier === 'cache') {
      const counted = Object.keys(stack.tiers).filter((other) => other !== 'cache')
      throw usage(`${stack.name} has no tier ${name} that is counted`, `it has ${counted.join(', ')}`)
    }
    const key = tier === 'vector' ? 'nodes' : 'replicas'
    changed = { ...changed, tiers: { ...changed.tiers, [tier]: { ...now, [key]: count } } }
  }
  return changed
}

/** Replicas or nodes that the stack asks for; 0 when it has no such tier. */
export function countOf(stack: Stack, tier: string): number {
  if (tier === 'vector') return stack.tiers.vector?.nodes ?? 0
  return stack.tiers[tier as Exclude<Tier, 'vector'>]?.replicas ?? 0
}

function usage(message: string, hint: string): UserError {
  return new UserError(message, { hint, exitCode: ExitCode.usage, code: 'usage' })
}
