import { join } from 'node:path'
import { performance } from 'node:perf_hooks'
import { setTimeout as sleep } from 'node:timers/promises'
import { isDeepStrictEqual } from 'node:util'
import {
  type SupervisedSample,
  type SupervisorStatus,
  type WantedProcess,
  supervisionVersion,
} from '../../supervision.ts'
import { Addresses } from './addresses.ts'
import { drained } from './draining.ts'
import { LogFile } from './log-file.ts'
import { Samples } from './samples.ts'
import { Supervised, type Surroundings } from './supervised.ts'

const sampleEveryMs = 1_000
const defaultGraceMs = 10_000

/** Keeps the processes of one stack as they are wanted. */
export class Supervisor {
  readonly #stack: string
  readonly #folder: string
  readonly #startedAt = Date.now()
  readonly #addresses: Addresses
  readonly #samples = new Samples()
  readonly #processes = new Map<string, Supervised>()
  /** What is wanted in place of a process that is still stopping. */
  readonly #next = new Map<string, WantedProcess>()
  readonly #sampling: NodeJS.Timeout
  readonly #around: Surroundings
  #settling = false

  /** `folder`: where the stack's state, logs and data live, absolute. */
  constructor(stack: string, folder: string) {
    this.#stack = stack
    this.#folder = folder
    this.#addresses = new Addresses(folder)
    this.#sampling = setInterval(() => {
      for (const process of this.#processes.values()) process.sample()
    }, sampleEveryMs)
    this.#around = {
      addresses: this.#addresses,
      lacking: (after) => after.find((name) => !this.#isUp(name)) ?? null,
      configOf: async (wanted) => await this.#configOf(wanted),
      onChange: () => this.#settle(),
      onSample: (process, sample) =>
        this.#samples.add(process.wanted, process.status().pid, sample, Date.now()),
      drain: async (process, graceMs) => await this.#drain(process, graceMs),
    }
  }

  status(): SupervisorStatus {
    const processes = [...this.#processes.values()].map((process) => {
      const status = process.status()
      const { cpuCores = null, memoryBytes = null } = this.#samples.of(status.wanted.id, status.pid) ?? {}
      return { ...status, cpuCores, memoryBytes }
    })
    return {
      version: supervisionVersion,
      pid: process.pid,
      stack: this.#stack,
      startedAt: this.#startedAt,
      processes,
    }
  }

  samples(since: number | null): SupervisedSample[] {
    return this.#samples.since(since)
  }

  /** Starts a process, or replaces it by one as wanted now; one that is as wanted is let be, or tried again. */
  want(wanted: WantedProcess): void {
    const now = this.#processes.get(wanted.id)
    if (now === undefined) this.#begin(wanted)
    else if (now.state === 'stopping') this.#next.set(wanted.id, wanted)
    else if (isDeepStrictEqual(now.wanted, wanted)) now.hurry()
    else if (isReconfigured(now.wanted, wanted)) {
      now.wanted = wanted
      this.#settle()
    } else {
      this.#next.set(wanted.id, wanted)
      void this.#end(now, defaultGraceMs)
    }
  }

  /** Ends a process; resolves when it is gone. Without one of that id nothing happens. */
  async remove(id: string, graceMs: number = defaultGraceMs): Promise<void> {
    this.#next.delete(id)
    const process = this.#processes.get(id)
    if (process !== undefined) await this.#end(process, graceMs)
  }

  /** Ends everything, what is called after what calls it: no request in flight loses its next stage. */
  async stop(graceMs: number = defaultGraceMs): Promise<void> {
    clearInterval(this.#sampling)
    this.#next.clear()
    const deadlineMs = performance.now() + graceMs
    while (this.#processes.size > 0) {
      const all = [...this.#processes.values()]
      const free = all.filter((one) => !all.some((other) => other !== one && calls(other, one)))
      const leftMs = Math.max(0, deadlineMs - performance.now())
      // A circle cannot be untied; it goes at once.
      await Promise.all(
        (free.length === 0 ? all : free).map(async (one) => await this.remove(one.wanted.id, leftMs)),
      )
    }
  }

  #begin(wanted: WantedProcess): void {
    const name = wanted.replica === null ? `${wanted.tier}-balancer` : wanted.id
    const log = new LogFile(join(this.#folder, 'logs', `${name}.log`))
    const process = new Supervised(wanted, log, this.#around)
    this.#processes.set(wanted.id, process)
    this.#settle()
  }

  async #end(process: Supervised, graceMs: number): Promise<void> {
    const { id } = process.wanted
    await process.stop(graceMs)
    if (this.#processes.get(id) !== process) return
    this.#processes.delete(id)
    this.#samples.forget(id)
    process.log.close()
    const next = this.#next.get(id)
    this.#next.delete(id)
    if (next === undefined) this.#addresses.release(id)
    else this.#begin(next)
    this.#settle()
  }

  /** After any change: what waited may begin, and balancers learn who is there. */
  #settle(): void {
    if (this.#settling) return
    this.#settling = true
    setImmediate(() => {
      this.#settling = false
      for (const process of this.#processes.values()) process.proceed()
      for (const process of this.#processes.values()) void process.configure()
    })
  }

  /** A tier is up when its balancer and one replica are; anything else when it is healthy itself. */
  #isUp(name: string): boolean {
    const all = [...this.#processes.values()]
    const replicas = all.filter(({ wanted }) => wanted.tier === name && wanted.replica !== null)
    const itself = this.#processes.get(name)
    if (replicas.length === 0) return itself?.state === 'healthy'
    return (
      replicas.some(({ state }) => state === 'healthy') &&
      (itself === undefined || itself.state === 'healthy')
    )
  }

  async #configOf(wanted: WantedProcess): Promise<unknown> {
    const config = (await this.#addresses.resolve(wanted.config)) as Record<string, unknown>
    if (wanted.replica !== null) return config
    const replicas = [...this.#processes.values()].filter(
      (other) =>
        other.wanted.tier === wanted.tier && other.wanted.replica !== null && other.state === 'healthy',
    )
    const upstreams = await Promise.all(
      replicas.map(async ({ wanted: { id, release = 'current' } }) => ({
        name: id,
        url: await this.#urlOf(id),
        release,
      })),
    )
    return { ...config, upstreams }
  }

  async #drain(process: Supervised, graceMs: number): Promise<void> {
    const { tier, replica, id } = process.wanted
    const balancer = this.#processes.get(tier)
    if (replica === null || balancer?.state !== 'healthy') return
    const deadlineMs = performance.now() + graceMs
    // One that hangs is not waited for longer than the requests are.
    await Promise.race([balancer.configure(), sleep(graceMs, undefined, { ref: false })])
    const port = await this.#addresses.take(tier)
    await drained(port, await this.#urlOf(id), Math.max(0, deadlineMs - performance.now()))
  }

  async #urlOf(id: string): Promise<string> {
    return `http://127.0.0.1:${await this.#addresses.take(id)}`
  }
}

/** Whether only what a running balancer can take up has changed. */
function isReconfigured(now: WantedProcess, wanted: WantedProcess): boolean {
  return wanted.replica === null && isDeepStrictEqual({ ...now, config: null }, { ...wanted, config: null })
}

function calls(caller: Supervised, called: Supervised): boolean {
  const { tier, replica, after } = caller.wanted
  if (after.includes(called.wanted.id) || after.includes(called.wanted.tier)) return true
  return replica === null && called.wanted.replica !== null && tier === called.wanted.tier
}
