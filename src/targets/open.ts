import { join } from 'node:path'
import type { Runtime } from '../runtime.ts'
import type { Stack } from '../stack/stack.ts'
import type { StackTarget } from './target.ts'

/** The target that the stack names, and nothing loaded of the others: each talks to something else. */
export async function openTarget(
  stack: Stack,
  runtime: Pick<Runtime, 'env' | 'cacheDir'>,
): Promise<StackTarget> {
  switch (stack.target) {
    case 'local':
      return (await import('./local/local.ts')).localTarget(stack.folder, { env: serviceEnv(runtime) })
    case 'external':
      return (await import('./external/external.ts')).externalTarget(runtime.env)
    case 'kubernetes':
      return (await import('./kubernetes/kubernetes.ts')).kubernetesTarget(stack, runtime.env)
    case 'compose':
      return (await import('./compose/compose.ts')).composeTarget(stack, runtime.env)
    case 'swarm':
      return (await import('./swarm/swarm.ts')).swarmTarget(stack, runtime.env)
  }
}

/** Ten processes that start at once compile the same modules: the cache halves the CPU that takes. */
function serviceEnv({ env, cacheDir }: Pick<Runtime, 'env' | 'cacheDir'>): Runtime['env'] {
  return { NODE_COMPILE_CACHE: join(cacheDir, 'compiled'), ...env }
}
