/** How much CPU the load generator may use, and how much it did use: whether to believe it. */
import { readFile } from 'node:fs/promises'
import { availableParallelism } from 'node:os'
import type { IntervalLine } from '../recording/load-lines.ts'

/** Reads a file's text; null when it is not there. A parameter so that tests bring their own. */
export type ReadText = (path: string) => Promise<string | null>

const readText: ReadText = async (path) => {
  try {
    return await readFile(path, 'utf8')
  } catch {
    return null
  }
}

/** Cores that this process and its children may use: what the scheduler allows, or a smaller cgroup quota. */
export async function usableCores(
  read: ReadText = readText,
  cores: number = availableParallelism(),
): Promise<number> {
  const quotas = await cgroupQuotas(read)
  return Math.min(cores, ...quotas)
}

/** Quotas in cores, of this process's cgroup and every one above it (cgroup v2 `cpu.max`, v1 `cpu.cfs_*`). */
async function cgroupQuotas(read: ReadText): Promise<number[]> {
  const membership = (await read('/proc/self/cgroup')) ?? ''
  const quotas: number[] = []
  for (const line of membership.split('\n')) {
    const [, controllers, path] = /^\d+:([^:]*):(.*)$/.exec(line) ?? []
    if (controllers === undefined || path === undefined) continue
    const isV2 = controllers === ''
    if (!isV2 && !controllers.split(',').includes('cpu')) continue
    for (const folder of ancestors(path)) {
      const quota = isV2
        ? await v2Quota(read, `/sys/fs/cgroup${folder}`)
        : await v1Quota(read, controllers, folder)
      if (quota !== null) quotas.push(quota)
    }
  }
  return quotas
}

/** `/a/b` → `/a/b`, `/a`, and the root, which inside a container is the container's own group. */
function ancestors(path: string): string[] {
  const parts = path.split('/').filter((part) => part !== '')
  return [...parts.map((_, index) => `/${parts.slice(0, parts.length - index).join('/')}`), '']
}

async function v2Quota(read: ReadText, folder: string): Promise<number | null> {
  const [quota, period] = ((await read(`${folder}/cpu.max`)) ?? 'max').trim().split(/\s+/)
  return coresOf(quota, period)
}

async function v1Quota(read: ReadText, controllers: string, folder: string): Promise<number | null> {
  for (const mount of [controllers, 'cpu']) {
    const quota = await read(`/sys/fs/cgroup/${mount}${folder}/cpu.cfs_quota_us`)
    if (quota === null) continue
    return coresOf(quota.trim(), (await read(`/sys/fs/cgroup/${mount}${folder}/cpu.cfs_period_us`))?.trim())
  }
  return null
}

function coresOf(quota: string | undefined, period: string | undefined): number | null {
  const cores = Number(quota) / Number(period ?? 100_000)
  return Number.isFinite(cores) && cores > 0 ? cores : null
}

/** What the generator used in one step's window. */
export interface GeneratorUse {
  /** Cores, averaged over the window. */
  readonly cpuCores: number
  /** Of what it may use; more than 0.8 makes a step invalid. */
  readonly share: number
  readonly peakRssBytes: number
}

/** Folds interval lines into each step's use; null for a step whose window was too short to have two. */
export function generatorFold(cores: number): {
  add(line: IntervalLine): void
  of(step: string): GeneratorUse | null
} {
  const steps = new Map<string, { first: IntervalLine; last: IntervalLine; peak: number }>()
  let before: IntervalLine | null = null
  return {
    add: (line) => {
      const previous = before
      before = line
      if (line.phase !== 'window') return
      const seen = steps.get(line.step)
      // CPU is counted since the start, so a window's first second counts from the line before it.
      if (seen === undefined)
        steps.set(line.step, { first: previous ?? line, last: line, peak: line.rssBytes })
      else steps.set(line.step, { first: seen.first, last: line, peak: Math.max(seen.peak, line.rssBytes) })
    },
    of: (step) => {
      const seen = steps.get(step)
      if (seen === undefined || seen.last.at <= seen.first.at) return null
      const cpuCores =
        (seen.last.cpuSeconds - seen.first.cpuSeconds) / ((seen.last.at - seen.first.at) / 1000)
      return { cpuCores, share: cpuCores / cores, peakRssBytes: seen.peak }
    },
  }
}
