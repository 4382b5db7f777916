/** Tells a balancer that runs which replicas get requests, while others come up or are about to go. */
import { setTimeout as sleep } from 'node:timers/promises'
import {
  type Balancing,
  type Members,
  choosing,
  lingerSeconds,
  resolveSeconds,
} from '../../catalog/balancing.ts'
import { componentNamed } from '../../catalog/catalog.ts'
import { type FoundContainer, containersWith } from '../docker/containers.ts'
import type { Engine } from '../docker/engine.ts'
import { projectLabel } from './found.ts'
import { isHealthy, workloadOf } from './plan-routing.ts'
import { reloadBalancer } from './reload.ts'
import { isOurs } from './service-change.ts'
import type { ActionOf, RunningBalancer } from './steps.ts'

/** Until a balancer's own list of addresses is without one that DNS has forgotten: its list's age, and some. */
const forgottenMs = (resolveSeconds + 2) * 1_000

export class Router {
  readonly #engine: Engine
  readonly #project: string
  readonly #folder: string
  /** By workload: who gets none of its requests, of those that are healthy. */
  readonly #without = new Map<string, readonly string[]>()
  #endedMs = 0

  constructor(engine: Engine, project: string, folder: string) {
    this.#engine = engine
    this.#project = project
    this.#folder = folder
  }

  /** Requests of these workloads go to those of their replicas that are healthy now, but for some. */
  async only(
    { running, balancing }: { readonly running: RunningBalancer; readonly balancing: Balancing },
    { workloads, without }: { readonly workloads: readonly string[]; readonly without: readonly string[] },
    signal: AbortSignal,
  ): Promise<void> {
    for (const workload of workloads) this.#without.set(workload, without)
    const containers = await containersWith(this.#engine, [`${projectLabel}=${this.#project}`])
    const chosen = choosing(balancing, this.#members(containers, running))
    const text = componentNamed(running.component)?.balance?.(chosen).text
    if (text === undefined) throw new Error(`${running.component} is no balancer`)
    const lingering = await reloadBalancer(this.#engine, this.#folder, running, { text, balancing })
    if (without.length > 0) await lingering(lingerSeconds * 1_000, signal)
  }

  /** To every replica that there is. */
  async all({ running, text, balancing, lingers }: ActionOf<'reload'>, signal: AbortSignal): Promise<void> {
    const leftMs = this.#endedMs + forgottenMs - Date.now()
    if (leftMs > 0) await sleep(leftMs, undefined, { signal })
    const lingering = await reloadBalancer(this.#engine, this.#folder, running, { text, balancing })
    this.#without.clear()
    if (lingers) await lingering(lingerSeconds * 1_000, signal)
  }

  /** A container has ended whose address may be known for a while yet. */
  ended(): void {
    this.#endedMs = Date.now()
  }

  #members(containers: readonly FoundContainer[], running: RunningBalancer): Members {
    const balancer = containers.find(({ id }) => id === running.id)
    const networks = Object.keys(balancer?.addresses ?? {})
    const members = new Map<string, readonly [string, ...string[]]>()
    for (const [workload, without] of this.#without) {
      const [first, ...others] = containers
        .filter((one) => workloadOf(one) === workload && isOurs(one) && isHealthy(one))
        .filter(({ id }) => !without.includes(id))
        .flatMap(({ addresses }) => networks.flatMap((name) => addresses[name] ?? []).slice(0, 1))
      if (first !== undefined) members.set(workload, [first, ...others])
    }
    return members
  }
}
