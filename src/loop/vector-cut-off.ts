/** What a step on a Qdrant cluster leaves that failed or was interrupted: which node, what is safe, what to run next. */
import { ExitCode, UserError } from '../errors.ts'
import type { VectorStep } from '../targets/qdrant/plan.ts'
import { type ClusterView, troublesOf } from '../targets/qdrant/view.ts'

/** What it leaves behind, in sentences. */
export function leftBy(step: VectorStep): string {
  switch (step.kind) {
    case 'transfer':
      return step.move.kind === 'drop'
        ? 'Every shard has a whole copy.'
        : 'A shard on its way arrives by itself, or is where it was.'
    case 'wait':
    case 'recover':
      return 'A shard on its way arrives by itself.'
    case 'create-like':
    case 'copy':
      return `${step.from} is as it was. ${step.to} may lack points, and nobody is served from it: ragscale vector apply --drop-old removes it.`
    case 'settle':
    case 'verify':
      return 'Nobody has been switched to the copy yet.'
    case 'abort-transfer':
    case 'create':
    case 'set-replication':
    case 'remove-peer':
    case 'change-aliases':
    case 'drop-collection':
      return 'What was done stays done.'
  }
}

/** Ctrl-C in the middle of a step; null: before the first. */
export function interruptedIn(step: VectorStep | null, cause: unknown): UserError {
  const left = step === null ? 'Nothing was changed.' : leftBy(step)
  return new UserError(`interrupted${step === null ? '' : `, in: ${step.what}`}. ${left}`, {
    hint: 'the same command goes on from there; ragscale vector status shows where',
    exitCode: ExitCode.interrupted,
    code: 'interrupted',
    cause,
  })
}

/**
 * A failure with what is not well by now, since the step itself may only know that nobody answered.
 * @param now why nobody can be asked any more, as far as that is known, where that is so
 */
export function failedIn(
  step: VectorStep,
  error: UserError,
  now: ClusterView | { readonly obstacle: string | null },
): UserError {
  const view = 'obstacle' in now ? null : now
  // It names its nodes itself.
  if (step.kind === 'transfer' && view !== null) return error
  const troubles = 'obstacle' in now ? [unasked(now)] : troublesOf(now)
  const told = troubles.filter((trouble) => !error.message.includes(trouble))
  const down = view?.peers.filter(({ up }) => !up).map(({ name }) => name) ?? []
  const first =
    down.length === 0
      ? 'The same command goes on from there'
      : `Once ${down.join(' and ')} ${down.length === 1 ? 'runs' : 'run'} again (ragscale up), the same command goes on from there`
  return new UserError(`${error.message}${told.length === 0 ? '' : `. ${told.join('; ')}`}`, {
    hint: `${first}. ${leftBy(step)}`,
    exitCode: error.exitCode,
    code: error.code,
    cause: error,
  })
}

function unasked({ obstacle }: { readonly obstacle: string | null }): string {
  return `no node of the cluster can be asked${obstacle === null ? '' : `: ${obstacle}`}`
}
