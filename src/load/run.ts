/** Runs k6 on a load plan and follows what it says. */
import { createWriteStream } from 'node:fs'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { execa } from 'execa'
import { ExitCode, UserError, messageOf } from '../errors.ts'
import type { EndLine, LoadLine, StartLine, StepLine } from '../recording/load-lines.ts'
import { parseLoadLine } from '../recording/load-lines.ts'
import type { Runtime } from '../runtime.ts'
import type { GeneratorUse } from './generator.ts'
import { generatorFold, usableCores } from './generator.ts'
import { cleanEnvironment } from './k6/check.ts'
import type { K6 } from './k6/find.ts'
import { scriptOf } from './k6/sources.ts'
import type { LoadPlan } from './plan.ts'
import { loadPlanSchema } from './plan.ts'

export interface RunK6Options {
  readonly k6: Pick<K6, 'path'>
  readonly plan: LoadPlan
  /** Where `latency.hlog`, `load.ndjson` and `k6.log` are written; made when it is not there. */
  readonly folder: string
  /** Where the plan is written, which names the queries; the caller deletes it. */
  readonly scratch: string
  /** `onInterrupt`: the first Ctrl-C ends the test with its record kept, the second kills k6. */
  readonly runtime: Pick<Runtime, 'env' | 'onInterrupt'>
  readonly onLine?: (line: LoadLine) => void
  /** Ends the test as the first Ctrl-C does. */
  readonly signal?: AbortSignal
}

export interface K6Run {
  readonly start: StartLine
  readonly steps: readonly StepLine[]
  /** `interrupted`: by Ctrl-C or the signal; `stopped`: by the plan's `stopWhen`. */
  readonly reason: EndLine['reason']
  /** Of each step that has a full second of window; by the step's id. */
  readonly generator: ReadonlyMap<string, GeneratorUse>
  /** What the generator could have used. */
  readonly cpuCoresAvailable: number
}

/**
 * @throws UserError (exit 1) that quotes k6's last words when it fails, and (exit 130) when the second Ctrl-C killed it
 */
export async function runK6(options: RunK6Options): Promise<K6Run> {
  const { plan, folder, scratch } = options
  await mkdir(folder, { recursive: true })
  const planFile = join(scratch, `plan-${plan.stage}.json`)
  await writeFile(planFile, JSON.stringify(loadPlanSchema.parse(plan)), { mode: 0o600 })
  const child = start(options, planFile)
  const watch = watchSilence(child, silenceMs + Math.max(...plan.steps.map((step) => step.drainMs)))
  const interrupts = forwardInterrupts(child, options)
  const log = followLog(child, join(folder, 'k6.log'))
  let ended = false
  try {
    const followed = await follow(child, options, watch)
    const result = await child
    ended = true
    const lastWords = await log
    if (interrupts.killed()) throw killedByUser()
    if (result.failed || followed.start === null || followed.end === null) {
      throw k6Failed(
        watch.fired()
          ? `nothing was heard of it for ${Math.round(watch.limitMs / 1000)} s`
          : howItEnded(result),
        lastWords,
        join(folder, 'k6.log'),
      )
    }
    const cpuCoresAvailable = await usableCores()
    return {
      start: followed.start,
      steps: followed.steps,
      reason: followed.end.reason,
      generator: followed.use(cpuCoresAvailable),
      cpuCoresAvailable,
    }
  } finally {
    watch.stop()
    interrupts.stop()
    // Whoever listened has failed: nothing is to be left behind.
    if (!ended) child.kill('SIGKILL')
  }
}

/** The flags of the contract, and nothing of the user's own k6 settings. */
export function k6Arguments(plan: Pick<LoadPlan, 'stage'>, folder: string): string[] {
  return [
    'run',
    '--quiet',
    '--summary-mode=disabled',
    '--no-thresholds',
    '--no-usage-report',
    '--address',
    '',
    '--out',
    `ragscale=${folder}`,
    scriptOf(plan.stage),
  ]
}

export function k6Environment(
  env: Readonly<Record<string, string | undefined>>,
  plan: Pick<LoadPlan, 'target'>,
  planFile: string,
): Record<string, string> {
  const { caFile } = plan.target
  return {
    ...cleanEnvironment(env),
    RAGSCALE_PLAN: planFile,
    // k6 has no option for a certificate authority; Go's own one is this variable.
    ...(caFile === undefined ? {} : { SSL_CERT_FILE: caFile }),
  }
}

type Child = ReturnType<typeof start>

function start({ k6, plan, folder, runtime }: RunK6Options, planFile: string) {
  return execa(k6.path, k6Arguments(plan, folder), {
    env: k6Environment(runtime.env, plan, planFile),
    extendEnv: false,
    stdin: 'ignore',
    buffer: false,
    reject: false,
    // A terminal's Ctrl-C goes to the whole group: k6 would count it and ours as two, and drop the record.
    detached: true,
  })
}

interface Followed {
  readonly start: StartLine | null
  readonly end: EndLine | null
  readonly steps: StepLine[]
  use(cores: number): Map<string, GeneratorUse>
}

async function follow(child: Child, { onLine }: RunK6Options, watch: { heard(): void }): Promise<Followed> {
  let startLine: StartLine | null = null
  let endLine: EndLine | null = null
  const steps: StepLine[] = []
  const fold = generatorFold(1)
  for await (const text of child.iterable()) {
    const line = parseLoadLine(text)
    if (line === null) continue
    watch.heard()
    if (line.type === 'start') startLine = line
    else if (line.type === 'end') endLine = line
    else if (line.type === 'step') steps.push(line)
    else fold.add(line)
    try {
      onLine?.(line)
    } catch (error) {
      // Leaving this loop waits for the process to end, which by itself it would not.
      child.kill('SIGKILL')
      throw error
    }
  }
  return {
    start: startLine,
    end: endLine,
    steps,
    use: (cores) => {
      const known = steps.map(({ step }) => [step, fold.of(step)] as const)
      return new Map(
        known.flatMap(([step, use]) =>
          use === null ? [] : [[step, { ...use, share: use.cpuCores / cores }] as const],
        ),
      )
    },
  }
}

/** k6 says something every second, also while it drains; the time to make its virtual users is within this. */
const silenceMs = 60_000

function watchSilence(
  child: Child,
  limitMs: number,
): { heard(): void; stop(): void; fired(): boolean; readonly limitMs: number } {
  let fired = false
  const timer = setTimeout(() => {
    fired = true
    child.kill('SIGKILL')
  }, limitMs)
  return { limitMs, heard: () => void timer.refresh(), stop: () => clearTimeout(timer), fired: () => fired }
}

function forwardInterrupts(
  child: Child,
  { runtime, signal }: RunK6Options,
): { stop(): void; killed(): boolean } {
  let killed = false
  const stopListening = runtime.onInterrupt((count) => {
    if (count > 1) killed = true
    child.kill(count > 1 ? 'SIGKILL' : 'SIGINT')
  })
  const onAbort = (): void => void child.kill('SIGINT')
  if (signal?.aborted === true) onAbort()
  signal?.addEventListener('abort', onAbort, { once: true })
  return {
    killed: () => killed,
    stop: () => {
      stopListening()
      signal?.removeEventListener('abort', onAbort)
    },
  }
}

const lastLines = 12

/** Copies stderr to `k6.log`; resolves to its last lines. A disk that is full does not hide them. */
async function followLog(child: Child, file: string): Promise<string[]> {
  const kept: string[] = []
  const log = createWriteStream(file)
  let logError: Error | null = null
  log.on('error', (error) => (logError = error))
  for await (const line of child.iterable({ from: 'stderr' })) {
    kept.push(line)
    if (kept.length > lastLines) kept.shift()
    if (logError === null) log.write(`${line}\n`)
  }
  await new Promise<void>((resolve) => log.end(() => resolve()))
  if (logError !== null) kept.push(`(k6.log could not be written: ${messageOf(logError)})`)
  return kept
}

function howItEnded(result: Awaited<Child>): string {
  if (result.signal !== undefined)
    return `it was ended by ${result.signal}${result.signal === 'SIGKILL' ? ', perhaps for want of memory' : ''}`
  if (result.exitCode === undefined) return result.shortMessage ?? 'it could not be started'
  return result.exitCode === 0
    ? 'it ended without finishing its record'
    : `it ended with exit code ${result.exitCode}`
}

function k6Failed(what: string, lastWords: readonly string[], log: string): UserError {
  const said = lastWords.map(readable).join('\n')
  return new UserError(`k6 failed: ${what}${said === '' ? '' : `\n${said}`}`, {
    hint: /no space left|ENOSPC|disk quota/i.test(said)
      ? 'the disk is full: make room, or choose another folder with --runs'
      : `the whole log is ${log}`,
    exitCode: ExitCode.failed,
    code: 'k6-failed',
  })
}

/** `time="…" level=error msg="…"` as `error: …`. */
function readable(line: string): string {
  const [, level, message] = /level=(\w+) msg=("(?:[^"\\]|\\.)*"|\S+)/.exec(line) ?? []
  if (level === undefined || message === undefined) return line
  try {
    return `${level}: ${message.startsWith('"') ? String(JSON.parse(message)) : message}`
  } catch {
    return line
  }
}

function killedByUser(): UserError {
  return new UserError('interrupted twice: k6 was killed, and what it had not yet written is lost', {
    exitCode: ExitCode.interrupted,
    code: 'interrupted',
  })
}
