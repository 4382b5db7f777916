import { join } from 'node:path'
import type { Runtime } from '../runtime.ts'
import type { Stack } from '../stack/stack.ts'
import { composeTarget } from './compose/compose.ts'
import { externalTarget } from './external/external.ts'
import { kubernetesTarget } from './kubernetes/kubernetes.ts'
import { localTarget } from './local/local.ts'
import { swarmTarget } from './swarm/swarm.ts'
import type { StackTarget } from './target.ts'

/** The target that the stack names. */
export function openTarget(stack: Stack, runtime: Pick<Runtime, 'env' | 'cacheDir'>): StackTarget {
  switch (stack.target) {
    case 'local':
      return localTarget(stack.folder, { env: serviceEnv(runtime) })
    case 'external':
      return externalTarget(runtime.env)
    case 'kubernetes':
      return kubernetesTarget(stack, runtime.env)
    case 'compose':
      return composeTarget(stack, runtime.env)
    case 'swarm':
      return swarmTarget(stack, runtime.env)
  }
}

/** Ten processes that start at once compile the same modules: the cache halves the CPU that takes. */
function serviceEnv({ env, cacheDir }: Pick<Runtime, 'env' | 'cacheDir'>): Runtime['env'] {
  return { NODE_COMPILE_CACHE: join(cacheDir, 'compiled'), ...env }
}
