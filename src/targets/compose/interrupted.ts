import { ExitCode, UserError } from '../../errors.ts'
import { interruptedAway, isAway } from '../docker/away.ts'
import type { Means } from './execute.ts'
import type { ComposeStep } from './steps.ts'
import { takeBack } from './take-back.ts'

/** After Ctrl-C: a first start is taken back; a change stays as far as it came, and it is said how far that is. */
export async function interrupted(
  means: Means,
  steps: readonly ComposeStep[],
  finished: readonly string[],
): Promise<UserError> {
  const { fresh } = means
  if (fresh !== null && steps.some(({ kind }) => kind === 'apply')) {
    try {
      await takeBack(means, fresh.volumes)
    } catch (error) {
      if (isAway(error)) return interruptedAway()
      throw error
    }
    return new UserError('Interrupted. Nothing of the stack is left running.', {
      hint: 'ragscale up starts again',
      exitCode: ExitCode.interrupted,
      code: 'interrupted',
    })
  }
  const left = steps.map(({ what }) => what).filter((what) => !finished.includes(what))
  const done = finished.length === 0 ? 'nothing was finished' : `done: ${finished.join(', ')}`
  return new UserError(
    `Interrupted. The stack is as far as it came; ${done}; not finished: ${left.join(', ')}.`,
    {
      hint: 'ragscale up goes on from there, ragscale status shows where, ragscale down stops what runs',
      exitCode: ExitCode.interrupted,
      code: 'interrupted',
    },
  )
}
