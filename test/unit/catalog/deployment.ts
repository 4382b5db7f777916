/** What a component makes a container of, in tests: a stack out of a few keys, and addresses that say what they are. */
import { componentNamed } from '../../../src/catalog/catalog.ts'
import type { Container, Deployment } from '../../../src/catalog/container.ts'
import type { Scaling } from '../../../src/catalog/scaling.ts'
import { readStack } from '../../../src/stack/load.ts'
import type { ReplicaTier, Stack } from '../../../src/stack/stack.ts'

export type ModelTier = 'embed' | 'rerank' | 'generate'

export function stackOf(tier: ModelTier, keys: string, more = ''): Stack {
  const text = `target: compose\ntiers: { ${tier}: { ${keys} } }\n${more}`
  const { stack, problems } = readStack(text, '/rag/ragscale.yaml')
  if (stack === null) throw new Error(problems.map(({ key, message }) => `${key}: ${message}`).join('\n'))
  return stack
}

function deploymentOf(stack: Stack, tier: ModelTier): Deployment {
  const addresses = {
    url: (name: string) => `http://balancer/${name}`,
    host: (workload: string, port: number) => `${workload}:${port}`,
    peer: (node: number | 'own', port: number) => `http://vector-${node}:${port}`,
  }
  return { stack, tier, addresses, target: 'compose' }
}

function tierOf(stack: Stack, tier: ModelTier): ReplicaTier {
  const found = stack.tiers[tier]
  if (found === undefined) throw new Error(`no tier ${tier}`)
  return found
}

export function containerOf(tier: ModelTier, keys: string, more = ''): Container {
  const stack = stackOf(tier, keys, more)
  const container = componentNamed(tierOf(stack, tier).component)?.deploy?.(deploymentOf(stack, tier))
  if (container === undefined) throw new Error('it is no container')
  return container
}

export function prefetchOf(tier: ModelTier, keys: string): Container {
  const stack = stackOf(tier, keys)
  const job = componentNamed(tierOf(stack, tier).component)?.prefetch?.(deploymentOf(stack, tier))
  if (job === undefined || job === null) throw new Error('it fetches nothing')
  return job
}

export function scalingOf(tier: ModelTier, keys: string, more = ''): Scaling {
  const stack = stackOf(tier, keys, more)
  const found = tierOf(stack, tier)
  const scaling = componentNamed(found.component)?.scaling?.(found, stack)
  if (scaling === undefined) throw new Error('it is not scaled')
  return scaling
}

/** The value behind a flag; undefined without it. */
export function flag({ args = [] }: Container, name: string): string | undefined {
  return args.includes(name) ? args[args.indexOf(name) + 1] : undefined
}
