import { ExitCode, UserError } from '../errors.ts'
import { type ChangeCommandOptions, changeStack } from '../loop/change-command.ts'
import { planJson, planText, stackJson, stackText } from '../loop/stack-view.ts'
import { endOfChange } from '../loop/still-unhealthy.ts'
import type { Runtime } from '../runtime.ts'
import { countOf, parseCounts, withCounts } from '../targets/counts.ts'

export interface ScaleOptions extends ChangeCommandOptions {
  /** `embed=3` */
  readonly counts: readonly string[]
}

/**
 * Changes how many replicas or nodes of the named tiers run. What else differs from the file is left for the next
 * `up`, but for what goes away meanwhile, which is brought back. The file is not touched: it stays what the next `up`
 * goes by, and what it says is repeated where it differs.
 */
export async function scale(options: ScaleOptions, runtime: Runtime): Promise<ExitCode> {
  const counts = parseCounts(options.counts)
  /** Tiers that differ from the file before anything is done: left for the next `up`. */
  let left: ReadonlySet<string> | null = null
  const { stack, target, steps, observed } = await changeStack(
    'ragscale scale',
    options,
    runtime,
    (scaled, target, found) => {
      target.assertSamePlace?.(found)
      if (!found.running) throw notRunning(scaled.name)
      const all = target.plan(scaled, found, 'ragscale scale')
      // One that differs only later went away meanwhile, as with an engine that is restarted, and is brought back.
      const others = (left ??= new Set(all.flatMap(({ tier }) => (tier === null ? [] : [tier]))))
      const steps = all.filter(({ tier }) => tier === null || counts.has(tier) || !others.has(tier))
      target.assertSeparable?.(steps)
      return steps
    },
    (stack) => {
      if (stack.target === 'external') throw notOurs()
      return withCounts(stack, counts)
    },
  )
  const { stdout } = runtime
  if (options.dryRun) {
    stdout.write(options.json ? planJson(stack, steps) : planText(steps))
    return ExitCode.ok
  }
  const view = { stack, observed, endpoints: target.endpoints(observed) }
  const differs = [...counts].filter(([tier, count]) => countOf(stack, tier) !== count)
  const reminders = differs.map(
    ([tier]) =>
      `${options.file} still says ${countOf(stack, tier)} of ${tier}: the next ragscale up goes back to that`,
  )
  if (options.json)
    stdout.write(stackJson('ragscale.scale/1', view, { changes: steps.map(({ what }) => what), reminders }))
  else stdout.write(`${stackText(view)}${reminders.map((text) => `  ${text}\n`).join('')}`)
  return endOfChange({ target: stack.target, observed, json: options.json })
}

function notRunning(name: string): UserError {
  return new UserError(`${name} does not run, so there is nothing to scale`, {
    hint: 'ragscale up',
    exitCode: ExitCode.unhealthy,
    code: 'not-running',
  })
}

function notOurs(): UserError {
  return new UserError('somebody else runs an external stack: ragscale cannot scale it', {
    exitCode: ExitCode.usage,
    code: 'target',
  })
}
