import { homedir } from 'node:os'

/** What a command writes to. `columns` is undefined off a terminal. */
export interface Output {
  readonly isTTY: boolean
  readonly columns: number | undefined
  /** Whether whoever read it has gone (`| head -1`): writing on is of no use. */
  readonly closed?: boolean
  write(text: string): void
}

/** How a command asks. Tests pass one that throws when asked. */
export interface Prompts {
  confirm(question: string, options?: { initial?: boolean }): Promise<boolean>
  input(
    question: string,
    options?: { initial?: string; validate?: (value: string) => true | string },
  ): Promise<string>
  select<T extends string>(
    question: string,
    choices: { value: T; name: string; description?: string }[],
    options?: { initial?: T },
  ): Promise<T>
}

/**
 * Everything that the process owns, as one object. Commands and what they call take it as an argument;
 * nothing else in `src/` reads `process`, so a test drives a whole command in-process with a fake.
 */
export interface Runtime {
  readonly cwd: string
  readonly env: Readonly<Record<string, string | undefined>>
  readonly stdout: Output
  readonly stderr: Output
  /** Whether somebody can answer a question: stdin and stderr are terminals. */
  readonly interactive: boolean
  readonly prompts: Prompts
  /** The user's cache folder for ragscale (k6 is built into it), absolute. */
  readonly cacheDir: string
  /** Milliseconds since 1970. */
  now(): number
  /** Calls back on Ctrl-C or SIGTERM, with how often it has come; returns a function that stops listening. */
  onInterrupt(listener: (count: number) => void): () => void
  /** Ends the process at once: only for a second Ctrl-C. */
  exit(code: number): never
}

/** The runtime of a real process. */
export function processRuntime(): Runtime {
  return {
    cwd: process.cwd(),
    env: process.env,
    stdout: outputOf(process.stdout),
    stderr: outputOf(process.stderr),
    interactive: process.stdin.isTTY && process.stderr.isTTY,
    prompts: inquirerPrompts(),
    cacheDir: cacheDirOf(process.env),
    now: () => Date.now(),
    onInterrupt: (listener) => {
      let count = 0
      const onSignal = () => listener(++count)
      process.on('SIGINT', onSignal)
      process.on('SIGTERM', onSignal)
      return () => {
        process.off('SIGINT', onSignal)
        process.off('SIGTERM', onSignal)
      }
    },
    exit: (code) => process.exit(code),
  }
}

function outputOf(stream: NodeJS.WriteStream): Output {
  let closed = false
  // A reader that went away (`ragscale report … | head`) is not an error of ours.
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error
    closed = true
  })
  return {
    // Undefined off a terminal, whatever the types say.
    isTTY: (stream as { isTTY?: boolean }).isTTY ?? false,
    get columns() {
      // A terminal that was never told its size says 0.
      return stream.isTTY && stream.columns > 0 ? stream.columns : undefined
    },
    get closed() {
      return closed
    },
    write: (text) => {
      if (!closed) stream.write(text)
    },
  }
}

function cacheDirOf(env: NodeJS.ProcessEnv): string {
  if (env['RAGSCALE_CACHE'] !== undefined) return env['RAGSCALE_CACHE']
  const base = env['XDG_CACHE_HOME'] ?? `${homedir()}/.cache`
  return `${base}/ragscale`
}

/** Prompts go to stderr, so that stdout stays data; the library is imported when a question is asked. */
function inquirerPrompts(): Prompts {
  const context = { output: process.stderr }
  return {
    confirm: async (message, options) => {
      const { confirm } = await import('@inquirer/prompts')
      return await confirm({ message, default: options?.initial ?? false }, context)
    },
    input: async (message, options) => {
      const { input } = await import('@inquirer/prompts')
      return await input(
        {
          message,
          ...(options?.initial === undefined ? {} : { default: options.initial }),
          ...(options?.validate === undefined ? {} : { validate: options.validate }),
        },
        context,
      )
    },
    select: async (message, choices, options) => {
      const { select } = await import('@inquirer/prompts')
      return await select(
        { message, choices, ...(options?.initial === undefined ? {} : { default: options.initial }) },
        context,
      )
    },
  }
}
