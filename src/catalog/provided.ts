import type { Provider, Stack, Tier } from '../stack/stack.ts'

/** Who answers a tier's requests in place of replicas of ours; undefined where they do, as all do in a rehearsal. */
export function providerOf(stack: Stack, tier: Tier): Provider | undefined {
  if (stack.rehearse || tier === 'vector') return undefined
  return stack.tiers[tier]?.provider
}
