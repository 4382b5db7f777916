import { ExitCode, UserError } from '../errors.ts'
import type { Runtime } from '../runtime.ts'

/** Ctrl-C from the first to the last moment of something that has to tidy up after itself. */
export interface Interruption {
  /** Aborted by the first Ctrl-C. */
  readonly signal: AbortSignal
  /** @throws {UserError} exit 130 */
  throwIfCame(): void
  /** What an abort made of an error, as the interruption that it is; any other error as it was. */
  explain(error: unknown): unknown
  stop(): void
}

/**
 * @param what it leaves behind, in a sentence: `nothing was recorded`
 * @param mostPatience which Ctrl-C ends the process at once; what tidies up by itself at the second allows for more
 */
export function interruption(
  runtime: Pick<Runtime, 'onInterrupt' | 'exit'>,
  what: string,
  mostPatience = 2,
): Interruption {
  const controller = new AbortController()
  const { signal } = controller
  const stop = runtime.onInterrupt((count) => {
    if (count >= mostPatience) runtime.exit(ExitCode.interrupted)
    controller.abort()
  })
  const came = (cause?: unknown): UserError =>
    new UserError(`interrupted; ${what}`, {
      exitCode: ExitCode.interrupted,
      code: 'interrupted',
      ...(cause === undefined ? {} : { cause }),
    })
  return {
    signal,
    stop,
    throwIfCame: () => {
      if (signal.aborted) throw came()
    },
    explain: (error) => {
      if (!signal.aborted) return error
      return error instanceof UserError && error.exitCode === ExitCode.interrupted ? error : came(error)
    },
  }
}
