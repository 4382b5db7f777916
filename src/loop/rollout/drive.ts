/** From where a rollout stands to its end, whatever happens on the way: what fails is taken back. */
import { ExitCode, UserError, messageOf } from '../../errors.ts'
import { goOnBlueGreen } from './bluegreen.ts'
import { goOnCanary } from './canary.ts'
import { finish, goBack } from './ending.ts'
import { type RolloutRun, TakenDown } from './run.ts'
import type { Outcome } from './state.ts'

/**
 * Goes on with it to the end.
 * @throws UserError: exit 4 when the next version did not become healthy, 130 when interrupted; all requests are the
 * current version's again then, and the message says so
 */
export async function drive(run: RolloutRun): Promise<void> {
  const { phase, outcome, because } = run.state
  if (phase === 'returning') {
    await takeBack(run, outcome ?? 'rolled back', because ?? 'it had begun to')
    return
  }
  try {
    if (phase === 'finishing' || phase === 'kept') await finish(run)
    else if (run.state.kind === 'canary') await goOnCanary(run)
    else await goOnBlueGreen(run)
  } catch (error) {
    throw await takenBack(run, error)
  }
}

/**
 * Back to the version that was there.
 * @throws UserError: as what failed on the way, and says that two versions still run; 130 when interrupted
 */
export async function takeBack(run: RolloutRun, outcome: Outcome, because: string): Promise<void> {
  try {
    await goBack(run, outcome, because)
  } catch (error) {
    if (error instanceof TakenDown) throw error
    const interrupted = run.context.signal.aborted
    throw stranded(interrupted ? 'interrupted' : messageOf(error), error, interrupted)
  }
}

async function takenBack(run: RolloutRun, error: unknown): Promise<unknown> {
  if (error instanceof TakenDown) return error
  const interrupted = run.context.signal.aborted
  const why = interrupted ? 'interrupted' : messageOf(error)
  if (run.state.phase === 'finishing') {
    return new UserError(
      withWord(why, 'the next version is proven and has all requests, and is not yet the only one'),
      {
        hint: 'ragscale rollout resume   goes on; ragscale rollout abort   goes back',
        exitCode: exitCodeOf(error, interrupted),
        code: interrupted ? 'interrupted' : 'rollout-unfinished',
        cause: error,
      },
    )
  }
  // Already on its way back: what fails there fails for good.
  if (run.state.phase === 'returning') return stranded(why, error, interrupted)
  try {
    await goBack(run, 'rolled back', why)
  } catch (second) {
    if (second instanceof TakenDown) return second
    return stranded(withWord(why, `going back failed: ${messageOf(second)}`), second, interrupted)
  }
  const hint = error instanceof UserError ? hintAfter(error) : undefined
  return new UserError(withWord(why, 'rolled back: every request goes to the version that was there'), {
    ...(hint === undefined ? {} : { hint }),
    exitCode: exitCodeOf(error, interrupted),
    code: interrupted ? 'interrupted' : error instanceof UserError ? error.code : 'rolled-back',
    cause: error,
  })
}

/** Where the last lines of a log follow, it belongs before them. */
function withWord(why: string, word: string): string {
  const [first = '', ...rest] = why.split('\n')
  return [`${first}; ${word}`, ...rest].join('\n')
}

/** What did not become healthy is gone: its logs cannot be asked for, and nothing is left to go on with. */
function hintAfter({ code, hint }: UserError): string | undefined {
  return code === 'unhealthy'
    ? 'ragscale rollout status   says it again; correct the version, then begin anew'
    : hint
}

function stranded(why: string, error: unknown, interrupted: boolean): UserError {
  return new UserError(withWord(why, 'two versions still run'), {
    hint: 'ragscale rollout abort   goes back once that is mended; ragscale rollout status   shows where it stands',
    exitCode: exitCodeOf(error, interrupted),
    code: 'rollout-unfinished',
    cause: error,
  })
}

function exitCodeOf(error: unknown, interrupted: boolean): ExitCode {
  if (interrupted) return ExitCode.interrupted
  return error instanceof UserError ? error.exitCode : ExitCode.failed
}

/** What `ragscale rollout` exits with once it has ended; what was taken back is not what runs, whoever began to. */
export function exitCodeOfOutcome(outcome: Outcome | null): ExitCode {
  switch (outcome) {
    case 'rolled back: worse':
      return ExitCode.insufficient
    case 'rolled back: cannot tell':
      return ExitCode.invalid
    case 'rolled back':
      return ExitCode.failed
    case 'promoted':
    case null:
      return ExitCode.ok
  }
}
