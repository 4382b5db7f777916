import type { GlobalOptions } from '../cli.ts'
import { ExitCode, UserError } from '../errors.ts'
import { readStackOn } from '../loop/change-command.ts'
import type { Runtime } from '../runtime.ts'
import { type Target, tiers } from '../stack/stack.ts'
import { parseCount } from '../stack/units.ts'

export interface LogsOptions extends GlobalOptions {
  readonly target?: Target
  readonly tier?: string | undefined
  readonly follow: boolean
  readonly lines: string
}

/** What the replicas wrote; with `--json` one document a line, so that it can be followed. */
export async function logs(options: LogsOptions, runtime: Runtime): Promise<ExitCode> {
  const lines = parseCount(options.lines, '--lines')
  const { tier = null } = options
  if (tier !== null && tier !== 'supervisor' && !(tiers as readonly string[]).includes(tier)) {
    throw new UserError(`there is no tier ${tier}`, {
      hint: `tiers: ${tiers.join(', ')}, and supervisor`,
      exitCode: ExitCode.usage,
      code: 'usage',
    })
  }
  const { target } = await readStackOn(options, runtime)
  const stop = new AbortController()
  const stopListening = runtime.onInterrupt(() => stop.abort())
  try {
    for await (const { name, text } of target.logs({
      tier,
      follow: options.follow,
      lines,
      signal: stop.signal,
    })) {
      runtime.stdout.write(
        options.json ? `${JSON.stringify({ name, text })}\n` : `${name.padEnd(18)} | ${text}\n`,
      )
    }
  } finally {
    stopListening()
  }
  return ExitCode.ok
}
