import { performance } from 'node:perf_hooks'
import type { ProcessState, ProcessStatus, WantedProcess } from '../../supervision.ts'
import type { ProcessSample } from '../process.ts'
import type { Addresses } from './addresses.ts'
import { Child } from './child.ts'
import type { LogFile } from './log-file.ts'
import { afterDeath, steadyMs } from './restart.ts'
import { watch } from './watch.ts'

/** What a process needs to know of the others. */
export interface Surroundings {
  readonly addresses: Addresses
  /** What it still waits for, or null. */
  lacking(after: readonly string[]): string | null
  /** Its configuration with addresses filled in, and a balancer's upstreams. */
  configOf(wanted: WantedProcess): Promise<unknown>
  /** Its state changed. */
  onChange(): void
  onSample(process: Supervised, sample: ProcessSample): void
  /** Resolves once it is given no more work and what it was given is done, or after `graceMs`. */
  drain(process: Supervised, graceMs: number): Promise<void>
}

const portInUse = /EADDRINUSE|is in use/i

/** One process of a stack, kept as it is wanted until it is stopped. */
export class Supervised {
  wanted: WantedProcess
  state: ProcessState = 'waiting'
  because: string | null = null
  restarts = 0
  startedAt: number | null = null
  readonly log: LogFile
  readonly #around: Surroundings
  #child: Child | undefined
  #listening = false
  #everListened = false
  #killedBecause: string | null = null
  #deaths = { count: 0, everHealthy: false }
  #healthySinceMs: number | null = null
  #timer: NodeJS.Timeout | undefined
  #unwatch: () => void = () => {}
  #sent = ''
  #configured: (() => void)[] = []
  #ended: (() => void)[] = []

  constructor(wanted: WantedProcess, log: LogFile, around: Surroundings) {
    this.wanted = wanted
    this.log = log
    this.#around = around
  }

  status(): Omit<ProcessStatus, 'cpuCores' | 'memoryBytes'> {
    return {
      wanted: this.wanted,
      state: this.state,
      pid: this.#child?.pid ?? null,
      ports: this.#around.addresses.of(this.wanted.id),
      startedAt: this.#child === undefined ? null : this.startedAt,
      restarts: this.restarts,
      because: this.because,
      lastLines: this.state === 'healthy' || this.state === 'waiting' ? [] : this.log.lastLines,
    }
  }

  /** Starts it if it waits and nothing is lacking any more. */
  proceed(): void {
    if (this.state !== 'waiting') return
    const lacking = this.#around.lacking(this.wanted.after)
    this.because = lacking === null ? null : `waits for ${lacking}`
    if (lacking === null) void this.#start()
  }

  /** Tries again at once what would be tried again later. */
  hurry(): void {
    if (this.state === 'failing' || this.state === 'restarting') this.#again()
  }

  /** Sends its configuration, if it listens and the configuration has changed; resolves when it has taken it up. */
  async configure(): Promise<void> {
    if (this.#child === undefined || !this.#listening) return
    const config = await this.#around.configOf(this.wanted)
    if (!this.#listening || JSON.stringify(config) === this.#sent) return
    this.#sent = JSON.stringify(config)
    const done = new Promise<void>((resolve) => this.#configured.push(resolve))
    this.#child.send({ type: 'configure', config })
    await done
  }

  sample(): void {
    if (this.#listening) this.#child?.send({ type: 'sample' })
  }

  /** Ends it: no more work, what is in flight within `graceMs`, then the process. */
  async stop(graceMs: number): Promise<void> {
    const ended = new Promise<void>((resolve) => this.#ended.push(resolve))
    if (this.state !== 'stopping') {
      this.#become('stopping', null)
      this.#quiet()
      const deadlineMs = performance.now() + graceMs
      if (this.#listening) await this.#around.drain(this, graceMs)
      const leftMs = Math.max(0, deadlineMs - performance.now())
      if (this.#child === undefined) this.#over()
      else {
        this.#child.send({ type: 'stop', graceMs: leftMs })
        // One that was never configured cannot know how to stop.
        this.#timer = setTimeout(() => this.#child?.kill(), this.#listening ? leftMs + 2_000 : 0)
      }
    }
    await ended
  }

  async #start(): Promise<void> {
    this.#become('starting', null)
    this.#killedBecause = null
    let config: unknown
    try {
      await this.#around.addresses.take(this.wanted.id)
      for (const port of this.wanted.ports) await this.#around.addresses.take(`${this.wanted.id}/${port}`)
      config = await this.#around.configOf(this.wanted)
    } catch (error) {
      if (this.state === 'starting') this.#died(error instanceof Error ? error.message : String(error))
      return
    }
    if (this.state !== 'starting') return
    this.startedAt = Date.now()
    this.log.note(this.startedAt, `starts ${this.wanted.id}`)
    this.#sent = JSON.stringify(config)
    let refused: string | null = null
    const child = new Child(this.wanted.main, this.log, {
      onListening: (port) => this.#onListening(port),
      onFailed: (message) => {
        refused = message
        this.#configured.shift()?.()
      },
      onConfigured: () => this.#configured.shift()?.(),
      onSample: (sample) => this.#around.onSample(this, sample),
      onEnd: (how) => this.#onEnd(refused ?? how),
    })
    this.#child = child
    const { startTimeoutMs } = this.wanted
    this.#timer = setTimeout(
      () => this.#kill(`was not healthy within ${startTimeoutMs / 1000} s`),
      startTimeoutMs,
    )
    child.send({ type: 'configure', config })
    this.#around.onChange()
  }

  #onListening(port: number): void {
    this.#listening = true
    this.#everListened = true
    if (this.state !== 'starting') return
    const { health } = this.wanted
    if (health === null) return this.#onReady()
    this.#unwatch = watch(port, health, {
      onNotYet: (why) => {
        this.because = why
      },
      onReady: () => this.#onReady(),
      onUnready: (why) => this.#become('unhealthy', why),
      onDead: (why) => this.#kill(why),
    })
  }

  #onReady(): void {
    clearTimeout(this.#timer)
    this.#deaths.everHealthy = true
    this.#healthySinceMs ??= performance.now()
    this.#become('healthy', null)
  }

  #kill(why: string): void {
    this.#quiet()
    this.#killedBecause = why
    this.log.note(Date.now(), `kills ${this.wanted.id}: ${why}`)
    this.#child?.kill()
  }

  #onEnd(how: string): void {
    this.#child = undefined
    this.#listening = false
    for (const resolve of this.#configured.splice(0)) resolve()
    this.log.note(Date.now(), `${this.wanted.id} ${how}`)
    if (this.state === 'stopping') this.#over()
    else if (portInUse.test(how) && !this.#everListened) void this.#moveAway(how)
    else this.#died(this.#killedBecause ?? how)
  }

  /** Another program took a port between finding it free and listening on it; nobody knows this one yet. */
  async #moveAway(how: string): Promise<void> {
    this.#quiet()
    for (const address of Object.keys(this.#around.addresses.of(this.wanted.id))) {
      try {
        await this.#around.addresses.move(address)
      } catch {
        // None is free: told as any other death.
      }
    }
    if (this.state === 'starting') this.#died(how)
  }

  #died(because: string): void {
    this.#quiet()
    const wasSteady = this.#healthySinceMs !== null && performance.now() - this.#healthySinceMs > steadyMs
    this.#healthySinceMs = null
    this.#deaths.count = wasSteady ? 1 : this.#deaths.count + 1
    const { state, delayMs } = afterDeath(this.#deaths)
    this.#timer = setTimeout(() => this.#again(), delayMs)
    this.#become(state, because)
  }

  #again(): void {
    clearTimeout(this.#timer)
    this.restarts++
    this.state = 'waiting'
    this.proceed()
    this.#around.onChange()
  }

  #become(state: ProcessState, because: string | null): void {
    this.state = state
    this.because = because
    this.#around.onChange()
  }

  #quiet(): void {
    clearTimeout(this.#timer)
    this.#unwatch()
    this.#unwatch = () => {}
  }

  #over(): void {
    clearTimeout(this.#timer)
    for (const resolve of this.#ended.splice(0)) resolve()
  }
}
