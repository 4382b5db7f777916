import { createHash } from 'node:crypto'
import type { Endpoint, Stack } from './stack.ts'

/**
 * Sixteen hexadecimal digits that two stacks share when what serves is the same: target, tiers, balancer and
 * endpoints. What is asked of it (workload, SLO, limits), its name, paths of files and the names of variables
 * that hold secrets do not count, and the order of keys does not either.
 */
export function hashOf(stack: Stack): string {
  const endpoints = Object.fromEntries(
    Object.entries(stack.endpoints).map(([name, endpoint]) => [name, served(endpoint)]),
  )
  const content = { target: stack.target, tiers: stack.tiers, balancer: stack.balancer, endpoints }
  return createHash('sha256').update(canonical(content)).digest('hex').slice(0, 16)
}

function served({ url, protocol, model, collection, body, answer, replicas }: Endpoint): object {
  return { url, protocol, model, collection, body, answer, replicas }
}

/** JSON with sorted keys, without those that are undefined. */
function canonical(value: unknown): string {
  return JSON.stringify(value, (_key, inner: unknown) =>
    typeof inner === 'object' && inner !== null && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1)))
      : inner,
  )
}
