import type { GlobalOptions } from '../cli.ts'
import type { Runtime } from '../runtime.ts'
import type { Stack } from '../stack/stack.ts'
import { openTarget } from '../targets/open.ts'
import { change } from './change.ts'
import { progressView, silentProgress } from './progress-view.ts'
import { assertNoRollout } from './rollout/state.ts'
import { tellPlan } from './stack-view.ts'
import { endOfChange } from './still-unhealthy.ts'
import { styleOf } from './terminal-style.ts'

export interface BringOptions extends Pick<GlobalOptions, 'quiet' | 'color'> {
  /** For whoever waits for the stack's lock: `ragscale recommend --apply`. */
  readonly what: string
  /** Leave a stack that does not run as it is. */
  readonly onlyIfRunning: boolean
  readonly yes: boolean
  readonly timeoutMs: number
}

/** Brings what runs to what the stack says. Returns whether it runs now. @throws UserError: exit 4 where not all are healthy then */
export async function bringTo(stack: Stack, options: BringOptions, runtime: Runtime): Promise<boolean> {
  const assertAllowed = async (): Promise<void> => await assertNoRollout(stack.folder, options.what)
  await assertAllowed()
  const target = await openTarget(stack, runtime)
  if (options.onlyIfRunning && !(await target.observe(stack)).running) return false
  const style = styleOf(runtime.stderr, runtime, options.color)
  const view = options.quiet ? silentProgress : progressView(runtime.stderr, style, () => runtime.now())
  const { observed } = await change(
    {
      stack,
      target,
      what: options.what,
      plan: (found) => target.plan(stack, found),
      dryRun: false,
      yes: options.yes,
      timeoutMs: options.timeoutMs,
      onProgress: view.onProgress,
      onPlanned: tellPlan(view.onProgress),
      assertAllowed,
    },
    runtime,
  ).finally(() => view.end())
  endOfChange({ target: stack.target, observed, json: false })
  return observed.running
}
