import { ExitCode } from '../errors.ts'
import { type ChangeCommandOptions, changeStack } from '../loop/change-command.ts'
import { planJson, planText, stackJson, stackText } from '../loop/stack-view.ts'
import { endOfChange } from '../loop/still-unhealthy.ts'
import type { Runtime } from '../runtime.ts'

export type UpOptions = ChangeCommandOptions

/** Brings the stack to what its file says; what already is so is left alone. */
export async function up(options: UpOptions, runtime: Runtime): Promise<ExitCode> {
  const { stack, target, steps, observed } = await changeStack(
    'ragscale up',
    options,
    runtime,
    (stack, target, found) => target.plan(stack, found),
  )
  const { stdout } = runtime
  if (options.dryRun) {
    stdout.write(options.json ? planJson(stack, steps) : planText(steps))
    return ExitCode.ok
  }
  const view = { stack, observed, endpoints: target.endpoints(observed) }
  if (options.json) stdout.write(stackJson('ragscale.up/1', view, { changes: steps.map(({ what }) => what) }))
  else stdout.write(`${stackText(view)}${steps.length === 0 ? '  nothing had to be changed\n' : ''}`)
  return endOfChange({ target: stack.target, observed, json: options.json })
}
