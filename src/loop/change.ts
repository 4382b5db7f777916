/** Changing what runs: under the stack's lock, planned from what is observed, interruptible. */
import { ExitCode } from '../errors.ts'
import type { Runtime } from '../runtime.ts'
import type { Stack } from '../stack/stack.ts'
import type { Observed, Progress, StackTarget, Step } from '../targets/target.ts'

export interface ChangeOptions {
  readonly stack: Stack
  readonly target: StackTarget
  /** The command, for whoever waits for the lock: `ragscale up`. */
  readonly what: string
  /** Decides what to do from what was found. */
  readonly plan: (observed: Observed) => readonly Step[]
  readonly dryRun: boolean
  readonly timeoutMs: number
  readonly onPlan?: (steps: readonly Step[]) => void
  readonly onProgress: (progress: Progress) => void
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
      const steps = options.plan(await target.observe(stack))
      options.onPlan?.(steps)
      await target.execute(steps, { onProgress, signal: interrupt.signal, timeoutMs })
      return { steps, observed: await target.observe(stack) }
    } finally {
      await lock.release()
    }
  } finally {
    stopListening()
  }
}
