import { ExitCode, UserError } from '../errors.ts'
import { type ChangeCommandOptions, changeStack, readStackOn } from '../loop/change-command.ts'
import { forgetRollout } from '../loop/rollout/state.ts'
import { planJson, planText } from '../loop/stack-view.ts'
import type { Runtime } from '../runtime.ts'

export interface DownOptions extends ChangeCommandOptions {
  readonly volumes: boolean
}

/**
 * Stops the stack and removes what ragscale made for it: processes, logs, state. The vectors that were stored
 * are kept for the next `up`, and with `--volumes` removed too.
 */
export async function down(options: DownOptions, runtime: Runtime): Promise<ExitCode> {
  const { volumes } = options
  if (volumes && !options.dryRun && !options.yes) await agreeToLose(options, runtime)
  const { stack, steps, observed } = await changeStack(
    'ragscale down',
    options,
    runtime,
    (stack, target, found) => target.planDown(stack, found, { volumes }),
    (stack) => stack,
    // One that is being made in another terminal may not bring anything up again.
    async (stack) => await forgetRollout(stack.folder, stack.target),
  )
  const { stdout } = runtime
  if (options.dryRun) {
    stdout.write(options.json ? planJson(stack, steps) : planText(steps))
    return ExitCode.ok
  }
  if (options.json) {
    const { notes } = observed
    const changes = steps.map(({ what }) => what)
    stdout.write(
      `${JSON.stringify({ schema: 'ragscale.down/1', stack: stack.name, target: stack.target, changes, kept: observed.kept, notes })}\n`,
    )
    return ExitCode.ok
  }
  const kept = observed.kept.map((path) => `  kept: ${path} (ragscale down --volumes removes it)\n`).join('')
  stdout.write(`${steps.length === 0 ? `${stack.name} was not running` : `${stack.name} is down`}\n${kept}`)
  return ExitCode.ok
}

/** What is stored is removed for good: whoever wants that types the stack's name. Nothing is asked where nothing is stored. */
async function agreeToLose(options: DownOptions, runtime: Runtime): Promise<void> {
  const { stack, target } = await readStackOn(options, runtime)
  const { kept } = await target.observe(stack)
  if (kept.length === 0) return
  const what = `what ${stack.name} has stored (${kept.join(', ')})`
  if (!runtime.interactive || options.json) {
    throw new UserError(`this removes ${what} for good, and nobody can be asked`, {
      hint: 'ragscale down --volumes --yes   agrees; ragscale down keeps it',
      exitCode: ExitCode.usage,
      code: 'not-confirmed',
    })
  }
  const typed = await runtime.prompts.input(
    `This removes ${what} for good. Type the name of the stack to go on:`,
  )
  if (typed.trim() === stack.name) return
  throw new UserError(`That is not ${stack.name}. Nothing was changed.`, {
    exitCode: ExitCode.interrupted,
    code: 'declined',
  })
}
