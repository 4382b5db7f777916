/** What `up`, `down` and `scale` have in common: read the stack, show the change while it is made. */
import type { GlobalOptions } from '../cli.ts'
import type { Runtime } from '../runtime.ts'
import type { Stack, Target } from '../stack/stack.ts'
import { parseDuration } from '../stack/units.ts'
import { openTarget } from '../targets/open.ts'
import type { Observed, StackTarget, Step } from '../targets/target.ts'
import { type Changed, change } from './change.ts'
import { progressView, silentProgress } from './progress-view.ts'
import { assertNoRollout } from './rollout/state.ts'
import { readStackFile } from './stack-file.ts'
import { tellPlan } from './stack-view.ts'
import { styleOf } from './terminal-style.ts'

export interface ChangeCommandOptions extends GlobalOptions {
  readonly target?: Target
  readonly dryRun: boolean
  readonly timeout: string
}

export interface ChangedStack extends Changed {
  readonly stack: Stack
  readonly target: StackTarget
}

/** The stack of `--file` on the target of `--target`. */
export async function readStackOn(
  options: GlobalOptions & { readonly target?: Target },
  runtime: Runtime,
): Promise<{ stack: Stack; target: StackTarget }> {
  const stack = await readStackFile(options, runtime)
  const placed = { ...stack, target: options.target ?? stack.target }
  return { stack: placed, target: await openTarget(placed, runtime) }
}

export async function changeStack(
  what: string,
  options: ChangeCommandOptions,
  runtime: Runtime,
  plan: (stack: Stack, target: StackTarget, observed: Observed) => readonly Step[],
  /** From the file's stack to the one that is wanted, with other counts; what is returned is the file's. */
  wanted: (stack: Stack) => Stack = (stack) => stack,
  /** Once it is done, under the stack's lock. */
  onChanged?: (stack: Stack) => Promise<void>,
): Promise<ChangedStack> {
  const timeoutMs = parseDuration(options.timeout, '--timeout')
  const { stack, target } = await readStackOn(options, runtime)
  const assertAllowed = async (): Promise<void> => {
    if (what !== 'ragscale down') await assertNoRollout(stack.folder, what)
  }
  await assertAllowed()
  const wantedStack = wanted(stack)
  const style = styleOf(runtime.stderr, runtime, options.color)
  const view = options.quiet ? silentProgress : progressView(runtime.stderr, style, () => runtime.now())
  try {
    const changed = await change(
      {
        stack: wantedStack,
        target,
        what,
        plan: (observed) => plan(wantedStack, target, observed),
        dryRun: options.dryRun,
        yes: options.yes,
        timeoutMs,
        onProgress: view.onProgress,
        ...(what === 'ragscale down' ? {} : { onPlanned: tellPlan(view.onProgress) }),
        // A rollout may have begun while its lock was waited for.
        assertAllowed,
        ...(onChanged === undefined ? {} : { onChanged: async () => await onChanged(stack) }),
      },
      runtime,
    )
    return { ...changed, stack, target }
  } finally {
    view.end()
  }
}
