/** Changing what runs: under the stack's lock, planned from what is observed, interruptible. */
import { ExitCode, UserError } from '../errors.ts'
import type { Runtime } from '../runtime.ts'
import type { Stack } from '../stack/stack.ts'
import type { ExecuteOptions, Observed, Progress, StackTarget, Step } from '../targets/target.ts'

const mostRounds = 3
/** So often what was cut off is begun again: an engine that goes away more often does not stay. */
const mostRecoveries = 5

export interface ChangeOptions {
  readonly stack: Stack
  readonly target: StackTarget
  /** The command, for whoever waits for the lock: `ragscale up`. */
  readonly what: string
  /** Decides what to do from what was found. */
  readonly plan: (observed: Observed) => readonly Step[]
  readonly dryRun: boolean
  /** The user has agreed beforehand to whatever would be asked. */
  readonly yes: boolean
  readonly timeoutMs: number
  readonly onProgress: (progress: Progress) => void
  /** What is going to be done next, agreed to, with what was found; what is planned once more is not told again. */
  readonly onPlanned?: (steps: readonly Step[], observed: Observed) => void
  /** Asked once the stack's lock is held, since it may have been waited for: throws where nothing may be changed. */
  readonly assertAllowed?: () => Promise<void>
  /** Once it is changed, before anybody else may change it. */
  readonly onChanged?: () => Promise<void>
}

export interface Changed {
  readonly steps: readonly Step[]
  /** As it is afterwards; for a dry run as it was found. */
  readonly observed: Observed
}

/** @throws UserError: whatever the target does; exit 130 when interrupted, saying what was left running */
export async function change(options: ChangeOptions, runtime: Runtime): Promise<Changed> {
  const { stack, target, dryRun, timeoutMs, onProgress } = options
  const interrupt = new AbortController()
  const stopListening = runtime.onInterrupt((count) => {
    if (count > 1) runtime.exit(ExitCode.interrupted)
    onProgress({ kind: 'note', text: 'interrupted: cleaning up; Ctrl-C again leaves at once' })
    interrupt.abort()
  })
  try {
    if (dryRun) {
      const observed = await target.observe(stack)
      return { steps: options.plan(observed), observed }
    }
    const lock = await target.lock(options.what, {
      timeoutMs,
      signal: interrupt.signal,
      onWait: (who) => onProgress({ kind: 'note', text: `${who}; waiting for it` }),
    })
    try {
      await options.assertAllowed?.()
      const changed = await inRounds(options, { onProgress, signal: interrupt.signal, timeoutMs }, runtime)
      await options.onChanged?.()
      return changed
    } finally {
      await lock.release()
    }
  } finally {
    stopListening()
  }
}

async function inRounds(
  options: ChangeOptions,
  execution: ExecuteOptions,
  runtime: Runtime,
): Promise<Changed> {
  const { stack, target } = options
  const done: Step[] = []
  let observed = await target.observe(stack)
  let recoveries = 0
  let last: readonly Step[] = []
  // What only shows once something runs is planned then: shards move off a node that had to be started first.
  for (let round = 0; round < mostRounds;) {
    const steps = options.plan(observed)
    if (steps.length === 0) return { steps: done, observed }
    if (round === 0 && recoveries === 0) await agreement(options, observed, steps, runtime)
    // What was cut off is planned once more, perhaps in other words.
    const others = steps.filter(({ what }) => !done.some((one) => one.what === what))
    done.push(...others)
    options.onPlanned?.(others, observed)
    try {
      await target.execute(steps, execution)
      round++
    } catch (error) {
      if (!(await recovers(error))) throw error
    }
    last = steps
    observed = await observedAgain()
  }
  assertDone(last, options.plan(observed), options.what)
  return { steps: done, observed }

  async function recovers(error: unknown): Promise<boolean> {
    recoveries++
    return recoveries <= mostRecoveries && ((await target.recover?.(error, execution)) ?? false)
  }

  async function observedAgain(): Promise<Observed> {
    for (;;) {
      try {
        return await target.observe(stack)
      } catch (error) {
        if (!(await recovers(error))) throw error
      }
    }
  }
}

/**
 * What is still to do after the last round, and was to be done in it, is being undone, or is not done at all.
 * @throws UserError (exit 4) naming it
 */
function assertDone(last: readonly Step[], left: readonly Step[], what: string): void {
  const whats = left.map((step) => step.what)
  const isSame = whats.length === last.length && last.every((step, index) => step.what === whats[index])
  if (!isSame || left.length === 0) return
  const causes = left.map((step) => `${step.what} (${step.because})`).join('; ')
  throw new UserError(`done ${mostRounds} times over, and still to do: ${causes}`, {
    hint: `Does somebody else change it? ${what} --dry-run   shows what is left, ragscale status what runs`,
    exitCode: ExitCode.unhealthy,
    code: 'not-done',
  })
}

/** Asks what the target wants a user to agree to. @throws UserError: exit 2 where nobody can be asked, 130 where it is declined */
async function agreement(
  { target, yes, what }: ChangeOptions,
  observed: Observed,
  steps: readonly Step[],
  { interactive, prompts }: Runtime,
): Promise<void> {
  const question = target.confirmation?.(observed, steps) ?? null
  if (question === null || yes) return
  if (!interactive) {
    throw new UserError(`nobody can be asked here: ${question}`, {
      hint: `${what} --yes   agrees; --dry-run shows what would be done`,
      exitCode: ExitCode.usage,
      code: 'not-confirmed',
    })
  }
  if (await prompts.confirm(question, { initial: false })) return
  throw new UserError('Nothing was changed.', { exitCode: ExitCode.interrupted, code: 'declined' })
}
