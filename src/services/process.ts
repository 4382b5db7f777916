/**
 * How every service of ours is started and stopped, whoever starts it.
 *
 * A parent forks the service's `main.ts`, sends `{ type: 'configure', config }` over the IPC channel and
 * waits for `{ type: 'listening', port }` or `{ type: 'failed', message }`. A channel keeps configuration,
 * and any secret in it, off the process list and off the disk. When the channel closes the parent is gone
 * and the service ends: nothing is left behind, even after `kill -9` of the parent.
 *
 * Without a parent (a container, systemd) the configuration is JSON in the file that `RAGSCALE_CONFIG` names.
 */
import { readFile } from 'node:fs/promises'

export interface RunningService {
  readonly port: number
  /** Applies a new configuration while running, where the service can (a balancer's upstreams). */
  reconfigure?(config: unknown): void | Promise<void>
  /** Stops accepting, lets what is in flight end within `graceMs`, then closes. */
  close(graceMs: number): Promise<void>
}

export type ToService = { type: 'configure'; config: unknown } | { type: 'stop'; graceMs: number }
export type FromService =
  | { type: 'listening'; port: number }
  | { type: 'failed'; message: string }
  | { type: 'configured' }

/** The `main` of a service: waits for its configuration, starts, and stops when told or when the parent is gone. */
export function runService(start: (config: unknown) => Promise<RunningService>): void {
  let running: RunningService | undefined
  let stopping = false

  const stop = async (graceMs: number): Promise<void> => {
    if (stopping) return
    stopping = true
    await running?.close(graceMs)
    process.exit(0)
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
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error)
      tellParent({ type: 'failed', message })
      process.stderr.write(`${message}\n`)
      if (running === undefined) process.exit(1)
    }
  }

  process.on('SIGTERM', () => void stop(10_000))
  // Ctrl-C reaches the whole process group; only the parent decides what it means.
  process.on('SIGINT', () => {
    if (!process.connected) void stop(10_000)
  })

  if (process.send === undefined) {
    const file = process.env['RAGSCALE_CONFIG']
    if (file === undefined) {
      process.stderr.write('RAGSCALE_CONFIG must name a JSON file with the configuration of this service.\n')
      process.exit(2)
    }
    void readFile(file, 'utf8').then((text) => configure(JSON.parse(text)))
    return
  }
  process.on('message', (message: ToService) => {
    if (message.type === 'configure') void configure(message.config)
    else void stop(message.graceMs)
  })
  process.on('disconnect', () => process.exit(0))
}

function tellParent(message: FromService): void {
  if (process.connected) process.send?.(message)
}
