/**
 * Exit codes, a contract with scripts and CI (README, "Exit codes").
 */
export const ExitCode = {
  ok: 0,
  failed: 1,
  /** Bad configuration or usage. */
  usage: 2,
  /** Something this machine lacks. */
  missing: 3,
  /** Unhealthy, or timed out. */
  unhealthy: 4,
  /** An SLO broke, or capacity is insufficient. */
  insufficient: 5,
  /** The measurement itself may not be believed. */
  invalid: 6,
  interrupted: 130,
} as const

export type ExitCode = (typeof ExitCode)[keyof typeof ExitCode]

/**
 * An error that is expected: the message says what failed, where and why; the hint is what to do next,
 * usually a command. Any other error is a bug of ours and is shown with its stack.
 */
export class UserError extends Error {
  readonly hint: string | undefined
  readonly exitCode: ExitCode
  /** A stable word for `--json`, for example `config` or `k6-missing`. */
  readonly code: string

  constructor(
    message: string,
    options: { hint?: string; exitCode?: ExitCode; code?: string; cause?: unknown } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.name = 'UserError'
    this.hint = options.hint
    this.exitCode = options.exitCode ?? ExitCode.failed
    this.code = options.code ?? nameOf(this.exitCode)
  }
}

function nameOf(exitCode: ExitCode): string {
  const entry = Object.entries(ExitCode).find(([, value]) => value === exitCode)
  return entry === undefined ? 'failed' : entry[0]
}

/** The message of anything thrown, for a sentence that goes on: `could not read runs/a: ${messageOf(error)}`. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
