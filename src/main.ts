import { CommanderError } from 'commander'
import { createProgram } from './cli.ts'
import { ExitCode, UserError, messageOf } from './errors.ts'
import type { Runtime } from './runtime.ts'

/**
 * Runs one command line and returns the exit code. The only catch of the program: whatever a command throws
 * is shown here, as JSON on stdout when `--json` was asked for, else as words on stderr.
 */
export async function run(argv: readonly string[], runtime: Runtime): Promise<ExitCode> {
  const program = createProgram(runtime)
  try {
    await program.parseAsync([...argv], { from: 'user' })
    return program.result()
  } catch (error) {
    return show(error, argv, runtime)
  }
}

function show(thrown: unknown, argv: readonly string[], runtime: Runtime): ExitCode {
  if (thrown instanceof CommanderError && thrown.exitCode === 0) return ExitCode.ok
  const error = asUserError(thrown)
  // Commander has already written its own usage errors to stderr.
  const alreadyShown = thrown instanceof CommanderError
  if (argv.includes('--json')) {
    const hint = error?.hint ?? null
    const code = error?.code ?? 'bug'
    const message = error?.message ?? messageOf(thrown)
    runtime.stdout.write(`${JSON.stringify({ error: { code, message, hint } })}\n`)
  } else if (!alreadyShown) {
    runtime.stderr.write(error === undefined ? bugText(thrown) : errorText(error))
  }
  return error?.exitCode ?? ExitCode.failed
}

function asUserError(thrown: unknown): UserError | undefined {
  if (thrown instanceof UserError) return thrown
  if (thrown instanceof CommanderError) {
    return new UserError(thrown.message.replace(/^error: /, ''), {
      exitCode: ExitCode.usage,
      hint: 'ragscale --help',
    })
  }
  // @inquirer/prompts throws this when Ctrl-C answers a question.
  if (thrown instanceof Error && thrown.name === 'ExitPromptError') {
    return new UserError('Interrupted.', { exitCode: ExitCode.interrupted })
  }
  if (thrown instanceof Error && 'code' in thrown && thrown.code === 'ENOSPC') {
    return new UserError(`The disk is full: ${thrown.message}`, {
      hint: 'Free some room, then run the same command again; nothing already recorded was lost.',
      cause: thrown,
    })
  }
  return undefined
}

function errorText(error: UserError): string {
  const hint = error.hint === undefined ? '' : `\n  → ${error.hint.replaceAll('\n', '\n    ')}`
  return `ragscale: ${error.message}${hint}\n`
}

function bugText(thrown: unknown): string {
  const stack = thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown)
  return `ragscale: this is a bug in ragscale, not in what you did. Please report it with these lines:\n${stack}\n`
}
