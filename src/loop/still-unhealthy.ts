import { ExitCode, UserError } from '../errors.ts'
import type { Target } from '../stack/stack.ts'
import type { Observed, ReplicaState } from '../targets/target.ts'

export interface ChangeEnd {
  readonly target: Target
  readonly observed: Pick<Observed, 'replicas'>
  /** The result says itself how each replica is. */
  readonly json: boolean
}

/**
 * How a change has ended whose result is written: 0, or 4 where a replica is not healthy though nothing is left to do
 * for it, as one that went away just then.
 *
 * @throws UserError: exit 4, naming those replicas
 */
export function endOfChange({ target, observed: { replicas }, json }: ChangeEnd): ExitCode {
  const troubled = replicas.filter(({ state }) => state !== 'healthy')
  const [first] = troubled
  if (first === undefined) return ExitCode.ok
  if (json) return ExitCode.unhealthy
  const look = target === 'external' ? '' : `ragscale logs ${first.tier}   shows what it wrote; `
  throw new UserError(troubled.map(inWords).join('\n'), {
    hint: `${look}ragscale status   shows how all are by now`,
    exitCode: ExitCode.unhealthy,
    code: 'unhealthy',
  })
}

function inWords({ name, state, because }: ReplicaState): string {
  return `${name} is ${state}${because === null ? '' : `: ${because}`}`
}
