/** What is wrong with a `ragscale.yaml`, as data, and how it is shown. */
import { ExitCode, UserError } from '../errors.ts'

export type Path = readonly string[]

/** Something wrong at a key, before it is known on which line that key stands. */
export interface Finding {
  readonly severity: 'error' | 'warning'
  /** Where it is shown; the keys' names, from the top. */
  readonly path: Path
  /** Whether the key itself is meant, and not its value. */
  readonly atKey?: boolean
  readonly message: string
  readonly hint?: string
}

export interface Problem {
  readonly severity: 'error' | 'warning'
  /** The key's full name: `tiers.embed.replicas`; empty for the whole file. */
  readonly key: string
  readonly message: string
  /** Both count from 1. */
  readonly line: number
  readonly column: number
  readonly hint?: string
}

/** A file that cannot be used: every problem of it, at once. Exit 2. */
export class ConfigError extends UserError {
  readonly problems: readonly Problem[]

  constructor(file: string, problems: readonly Problem[]) {
    const errors = problems.filter((problem) => problem.severity === 'error')
    const heading = errors.length === 1 ? 'one thing to mend' : `${errors.length} things to mend`
    super(
      [`${file}: ${heading}`, ...problems.map((problem) => `  ${formatProblem(file, problem)}`)].join('\n'),
      {
        exitCode: ExitCode.usage,
        code: 'config',
      },
    )
    this.name = 'ConfigError'
    this.problems = problems
  }
}

/** `ragscale.yaml:12:15 tiers.embed.replicas: expected … (hint)`; a warning says that it is one. */
export function formatProblem(file: string, problem: Problem): string {
  const place = `${file}:${problem.line}:${problem.column}`
  const key = problem.key === '' ? '' : `${problem.key}: `
  const hint = problem.hint === undefined ? '' : ` (${problem.hint})`
  return `${place} ${problem.severity === 'warning' ? 'warning: ' : ''}${key}${problem.message}${hint}`
}
