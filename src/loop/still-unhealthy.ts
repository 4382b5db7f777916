import { ExitCode, UserError } from '../errors.ts'
import type { Observed, ReplicaState } from '../targets/target.ts'

/**
 * How a change has ended whose result is written: 0, or 4 where a replica is not healthy though nothing is left to do
 * for it, as one that went away just then.
 *
 * @param json the result says itself how each replica is
 * @throws UserError: exit 4, naming those replicas
 */
export function endOfChange({ replicas }: Pick<Observed, 'replicas'>, json: boolean): ExitCode {
  const troubled = replicas.filter(({ state }) => state !== 'healthy')
  const [first] = troubled
  if (first === undefined) return ExitCode.ok
  if (json) return ExitCode.unhealthy
  throw new UserError(troubled.map(inWords).join('\n'), {
    hint: `ragscale logs ${first.tier}   shows what it wrote; ragscale status   how all are by now`,
    exitCode: ExitCode.unhealthy,
    code: 'unhealthy',
  })
}

function inWords({ name, state, because }: ReplicaState): string {
  return `${name} is ${state}${because === null ? '' : `: ${because}`}`
}
