/**
 * How every service of ours is started and stopped, whoever starts it.
 *
 * A parent forks the service's `main.ts`, sends `{ type: 'configure', config }` over the IPC channel and
 * waits for `{ type: 'listening', port }` or `{ type: 'failed', message }`. A channel keeps configuration,
 * and any secret in it, off the process list and off the disk. When the channel closes the parent is gone
 * and the service ends: nothing is left behind, even after `kill -9` of the parent.
 *
 * The parent may ask `{ type: 'sample' }` at any time: a service answers for its own CPU and memory, which is
 * the same on every operating system and exact to the microsecond.
 *
 * Without a parent (a container, systemd) the configuration is JSON in the file that `RAGSCALE_CONFIG` names
 * (services/config-file.ts), SIGTERM stops the service as its configuration says, and it writes a line when it
 * listens, when it begins to stop and when it fails.
 */
import { performance } from 'node:perf_hooks'
import { ExitCode, UserError, messageOf } from '../errors.ts'
import { readConfigFile } from './config-file.ts'

/** How long a service may go on after a signal, where its configuration says nothing. */
const defaultGraceMs = 10_000

export interface RunningService {
  readonly port: number
  /** Applies a new configuration while running, where the service can (a balancer's upstreams). */
  reconfigure?(config: unknown): void | Promise<void>
  /** What only the service knows of its load; a service without a queue or a model leaves it out. */
  sample?(): ServiceSample
  /** How long it may take to stop when it is signalled rather than told; default: 10 seconds. */
  readonly graceMs?: number
  /** Stops accepting, lets what is in flight end within `graceMs`, then closes. */
  close(graceMs: number): Promise<void>
}

export interface ServiceSample {
  /** Requests accepted that wait for their service to begin; null where there is no queue. */
  readonly queue: number | null
  /**
   * How far real work outran modelled time since the last sample: the greatest lateness of an event, in
   * milliseconds; null where nothing is modelled.
   */
  readonly overrunMs: number | null
  /**
   * Answers given since the last sample, and how many of them left later than the model has it by more than so
   * many milliseconds: `{ "1": 12, "2": 3, … }`. Left out where nothing is modelled.
   */
  readonly emulated?: { readonly answers: number; readonly late: Readonly<Record<string, number>> }
}

export type ToService =
  | { type: 'configure'; config: unknown }
  | { type: 'sample' }
  | { type: 'stop'; graceMs: number }

export type FromService =
  | { type: 'listening'; port: number }
  | { type: 'failed'; message: string }
  | { type: 'configured' }
  | ({ type: 'sample' } & ProcessSample)

/** `atMs` is the service's own monotonic clock, so that CPU over time is right however late the answer is read. */
export interface ProcessSample extends ServiceSample {
  readonly atMs: number
  /** User and system time of all its threads since it began. */
  readonly cpuSeconds: number
  /** Resident memory. */
  readonly memoryBytes: number
}

/** The `main` of a service: waits for its configuration, starts, and stops when told or when the parent is gone. */
export function runService(start: (config: unknown) => Promise<RunningService>): void {
  const hasParent = process.send !== undefined
  let running: RunningService | undefined
  let stopping = false

  const stop = async (graceMs: number): Promise<void> => {
    if (stopping) return
    stopping = true
    if (!hasParent) process.stderr.write(`stopping: what is in flight has ${graceMs / 1_000} s to end\n`)
    await running?.close(graceMs)
    process.exit(ExitCode.ok)
  }

  const configure = async (config: unknown): Promise<void> => {
    try {
      if (running !== undefined) {
        await running.reconfigure?.(config)
        tellParent({ type: 'configured' })
        return
      }
      running = await start(config)
      tellParent({ type: 'listening', port: running.port })
      if (!hasParent) process.stderr.write(`listening on port ${running.port}\n`)
    } catch (error) {
      const message = messageOf(error)
      process.stderr.write(`${message}\n`)
      if (running !== undefined) tellParent({ type: 'failed', message })
      // Only once the message has left may the process end.
      else tellParent({ type: 'failed', message }, () => process.exit(ExitCode.failed))
    }
  }

  const stopBySignal = (): void => void stop(running?.graceMs ?? defaultGraceMs)
  process.on('SIGTERM', stopBySignal)
  // Ctrl-C reaches the whole process group; only the parent decides what it means.
  process.on('SIGINT', () => {
    if (!process.connected) stopBySignal()
  })

  if (!hasParent) {
    void ownConfig().then(configure)
    return
  }
  process.on('message', (message: ToService) => {
    if (message.type === 'configure') void configure(message.config)
    else if (message.type === 'sample') tellParent({ type: 'sample', ...sampleOf(running) })
    else void stop(message.graceMs)
  })
  process.on('disconnect', () => process.exit(ExitCode.ok))
}

/**
 * The `main` of a job: runs once by its configuration file, says in one line what came of it, and exits 0 or 1.
 * A signal ends it as it would any program: what it does must bear being run again.
 */
export function runJob(run: (config: unknown, signal: AbortSignal) => Promise<string>): void {
  const interrupted = new AbortController()
  process.on('SIGTERM', () => interrupted.abort(new Error('stopped by SIGTERM')))
  process.on('SIGINT', () => interrupted.abort(new Error('stopped by SIGINT')))
  const runOnce = async (): Promise<void> => {
    const config = await ownConfig()
    try {
      process.stdout.write(`${await run(config, interrupted.signal)}\n`)
      process.exitCode = ExitCode.ok
    } catch (error) {
      const hint = error instanceof UserError && error.hint !== undefined ? ` ${error.hint}` : ''
      process.stderr.write(`${messageOf(error)}.${hint}\n`)
      process.exitCode = ExitCode.failed
    }
  }
  void runOnce()
}

async function ownConfig(): Promise<unknown> {
  try {
    return await readConfigFile(process.env)
  } catch (error) {
    process.stderr.write(`${messageOf(error)}\n`)
    process.exit(ExitCode.usage)
  }
}

function sampleOf(running: RunningService | undefined): ProcessSample {
  const cpu = process.cpuUsage()
  return {
    atMs: performance.now(),
    cpuSeconds: (cpu.user + cpu.system) / 1e6,
    memoryBytes: process.memoryUsage.rss(),
    ...(running?.sample?.() ?? { queue: null, overrunMs: null }),
  }
}

function tellParent(message: FromService, then: () => void = () => {}): void {
  if (process.send === undefined || !process.connected) then()
  else process.send(message, then)
}
