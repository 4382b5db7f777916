import type { GlobalOptions } from '../cli.ts'
import { ExitCode, UserError } from '../errors.ts'
import { readStackOn } from '../loop/change-command.ts'
import type { Runtime } from '../runtime.ts'
import { type Target, tiers } from '../stack/stack.ts'
import { parseCount } from '../stack/units.ts'
import type { LogLine } from '../targets/target.ts'

export interface LogsOptions extends GlobalOptions {
  readonly target?: Target
  readonly tier?: string | undefined
  readonly follow: boolean
  readonly lines: string
}

/** What the replicas wrote. With `--json` it is one document; with `--follow`, which never ends, one a line. */
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
  const { stack, target } = await readStackOn(options, runtime)
  const all: LogLine[] = []
  let written = 0
  const show = (line: LogLine): void => {
    written += 1
    if (!options.json) runtime.stdout.write(`${line.name.padEnd(18)} | ${line.text}\n`)
    else if (options.follow) runtime.stdout.write(`${JSON.stringify(line)}\n`)
    else all.push(line)
  }
  const stop = new AbortController()
  const stopListening = runtime.onInterrupt(() => stop.abort())
  const { signal } = stop
  try {
    for await (const line of target.logs({ tier, follow: options.follow, lines, signal })) {
      // `--follow | head` has had enough.
      if (runtime.stdout.closed === true) break
      show(line)
    }
  } finally {
    stopListening()
  }
  if (options.json && !options.follow)
    runtime.stdout.write(`${JSON.stringify({ schema: 'ragscale.logs/1', stack: stack.name, lines: all })}\n`)
  else if (written === 0 && !options.quiet)
    runtime.stderr.write(`nothing was written by ${tier ?? stack.name}: ragscale status shows what runs\n`)
  return ExitCode.ok
}
