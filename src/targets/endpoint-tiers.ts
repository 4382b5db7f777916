import type { BalancedTier } from '../catalog/container.ts'
import type { EndpointName } from '../stack/stack.ts'

/** What of a running stack is called from outside, and the tier whose balancer answers there. */
export const endpointTiers: Readonly<Record<EndpointName, BalancedTier>> = {
  embed: 'embed',
  vector: 'vector',
  rerank: 'rerank',
  generate: 'generate',
  pipeline: 'gateway',
}
