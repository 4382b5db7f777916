/** `helm` and `kubectl`, run as a user would run them: with their kubeconfig, plugins and credentials. */
import { createInterface } from 'node:readline'
import { execa } from 'execa'
import { ExitCode, UserError } from '../../errors.ts'

export type Env = Readonly<Record<string, string | undefined>>

export interface RunOptions {
  /** Written to its standard input: what a process list must not show. */
  readonly input?: string
  readonly timeoutMs?: number
  readonly signal?: AbortSignal
}

export interface Ran {
  readonly ok: boolean
  readonly stdout: string
  readonly stderr: string
}

/** Nobody answers at the cluster's address, or nobody who can serve yet. */
export class ClusterUnreachable extends Error {
  constructor(said: string) {
    super(said)
    this.name = 'ClusterUnreachable'
  }
}

/** The program ran, and refused. */
export class ProgramFailed extends Error {
  readonly program: Program
  /** What it wrote on stderr. */
  readonly said: string
  constructor(program: Program, args: readonly string[], said: string) {
    super(`${program} ${args.slice(0, 2).join(' ')}: ${said}`)
    this.name = 'ProgramFailed'
    this.program = program
    this.said = said
  }
}

export type Program = 'helm' | 'kubectl'

const callMs = 30_000

export class Programs {
  readonly env: Env

  constructor(env: Env) {
    this.env = env
  }

  /** @throws ClusterUnreachable; ProgramFailed; UserError (exit 3) where it is not installed */
  async run(program: Program, args: readonly string[], options: RunOptions = {}): Promise<string> {
    const { ok, stdout, stderr } = await this.attempt(program, args, options)
    if (ok) return stdout
    throw new ProgramFailed(program, args, stderr)
  }

  /** What it writes, line by line, until it ends or is told to; why it ended is not told. */
  async *lines(program: Program, args: readonly string[], signal: AbortSignal): AsyncGenerator<string> {
    const child = execa(program, args, {
      env: this.env,
      extendEnv: false,
      reject: false,
      buffer: false,
      stdin: 'ignore',
      stderr: 'ignore',
      cancelSignal: signal,
    })
    yield* createInterface({ input: child.stdout })
    await child
  }

  /** As `run`, and a refusal is an answer: with what was written until then. */
  async attempt(program: Program, args: readonly string[], options: RunOptions = {}): Promise<Ran> {
    const { input, timeoutMs = callMs, signal } = options
    const ran = await execa(program, args, {
      input: input ?? '',
      env: this.env,
      extendEnv: false,
      reject: false,
      timeout: timeoutMs,
      maxBuffer: 256 * 2 ** 20,
      stripFinalNewline: true,
      ...(signal === undefined ? {} : { cancelSignal: signal }),
    })
    if (ran.code === 'ENOENT') throw notInstalled(program)
    if (signal?.aborted === true) throw signal.reason
    if (ran.timedOut) throw new ClusterUnreachable(`no answer within ${timeoutMs / 1000} s`)
    const stderr = ran.stderr.trim()
    if (!ran.failed) return { ok: true, stdout: ran.stdout, stderr }
    if (isUnreachable(stderr)) throw new ClusterUnreachable(lastLine(stderr))
    return { ok: false, stdout: ran.stdout, stderr: stderr === '' ? (ran.message ?? '') : stderr }
  }
}

/** What client-go, kubectl and helm say when the API server is not there, or has no etcd. */
const unreachable: readonly RegExp[] = [
  /was refused - did you specify the right host or port/,
  /connection refused/,
  /connection reset by peer/,
  /cluster unreachable/i,
  /Unable to connect to the server/,
  /i\/o timeout/,
  /TLS handshake timeout/,
  /no such host/,
  /no route to host/,
  /network is unreachable/,
  /http2: client connection (lost|force closed)/,
  /unexpected EOF|: EOF$/m,
  /context deadline exceeded/,
  /Client\.Timeout exceeded/,
  /apiserver not ready|the server is currently unable to handle the request/,
  /etcdserver: (leader changed|request timed out|no leader)/,
]

export function isUnreachable(stderr: string): boolean {
  // It answered: what it could not reach is something else, as a kubelet.
  if (/Error from server(?! \((ServiceUnavailable|Timeout)\)).*: (Get|proxy error)/.test(stderr)) return false
  return unreachable.some((shape) => shape.test(stderr))
}

function lastLine(text: string): string {
  return text.trim().split('\n').at(-1) ?? ''
}

const cures: Readonly<Record<Program, string>> = {
  helm: 'https://helm.sh/docs/intro/install (3.15 or newer; macOS: brew install helm)',
  kubectl: 'https://kubernetes.io/docs/tasks/tools (macOS: brew install kubectl)',
}

function notInstalled(program: Program): UserError {
  return new UserError(`target kubernetes runs ${program}, which is not on the PATH`, {
    hint: `Install it: ${cures[program]}`,
    exitCode: ExitCode.missing,
    code: 'missing',
  })
}
