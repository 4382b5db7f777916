import type { Provider, Stack, Tier } from '../stack/stack.ts'

/**
 * Who answers a tier's requests in place of replicas of ours; undefined where they do, as all do in a rehearsal and on
 * the local target, which is one.
 */
export function providerOf(stack: Stack, tier: Tier): Provider | undefined {
  if (stack.rehearse || stack.target === 'local' || tier === 'vector') return undefined
  return stack.tiers[tier]?.provider
}
