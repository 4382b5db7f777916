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
  return thrown instanceof Error ? fromSystem(thrown) : undefined
}

/** What the machine refused, whichever part of the program had asked for it. */
const systemHints: Readonly<Record<string, string>> = {
  ENOSPC:
    'The disk is full. Free some room, then run the same command again; nothing already recorded was lost.',
  EDQUOT: 'The disk quota is used up. Make room, then run the same command again.',
  EROFS: 'The disk is read-only: work in a folder that can be written.',
  EACCES: 'This user may not do that: check the owner and mode of the file.',
  EPERM: 'This user may not do that: check the owner and mode of the file.',
  EMFILE: 'Too many files are open: raise the limit with `ulimit -n`.',
  ENFILE: 'Too many files are open on this machine.',
  EISDIR: 'A folder is where a file was expected.',
  ENOTDIR: 'A file is where a folder was expected.',
}

function fromSystem(thrown: NodeJS.ErrnoException): UserError | undefined {
  const hint = thrown.syscall === undefined ? undefined : systemHints[thrown.code ?? '']
  if (hint === undefined) return undefined
  const code = thrown.code === 'ENOSPC' || thrown.code === 'EDQUOT' ? 'disk-full' : 'disk'
  return new UserError(thrown.message, { hint, code, cause: thrown })
}

function errorText(error: UserError): string {
  const hint = error.hint === undefined ? '' : `\n  → ${error.hint.replaceAll('\n', '\n    ')}`
  return `ragscale: ${error.message}${hint}\n`
}

function bugText(thrown: unknown): string {
  const stack = thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown)
  return `ragscale: this is a bug in ragscale, not in what you did. Please report it with these lines:\n${stack}\n`
}
