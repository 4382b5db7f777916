import { join } from 'node:path'
import { ExitCode, UserError } from '../errors.ts'
import type { Runtime } from '../runtime.ts'
import type { Stack } from '../stack/stack.ts'
import { composeTarget } from './compose/compose.ts'
import { externalTarget } from './external/external.ts'
import { kubernetesTarget } from './kubernetes/kubernetes.ts'
import { localTarget } from './local/local.ts'
import type { StackTarget } from './target.ts'

/** The target that the stack names. Throws a UserError (exit 2) for one that this version cannot run a stack on. */
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
      throw new UserError(`this version of ragscale does not run stacks on ${stack.target}`, {
        hint: 'Start what `ragscale render` wrote by its own tool (docs/deploying.md) and load it as target: external; target: local rehearses a stack on this machine.',
        exitCode: ExitCode.usage,
        code: 'target',
      })
  }
}

/** Ten processes that start at once compile the same modules: the cache halves the CPU that takes. */
function serviceEnv({ env, cacheDir }: Pick<Runtime, 'env' | 'cacheDir'>): Runtime['env'] {
  return { NODE_COMPILE_CACHE: join(cacheDir, 'compiled'), ...env }
}
