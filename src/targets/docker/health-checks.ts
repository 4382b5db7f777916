/**
 * Health checks of containers that ran on while their engine was away (`live-restore`): engines before 23.0 begin them
 * anew only when the container is started, or no longer paused. Until then its health stays what it was.
 * @see https://github.com/moby/moby/issues/41871
 */
import { performance } from 'node:perf_hooks'
import { setTimeout as sleep } from 'node:timers/promises'
import type { ContainerInspectInfo } from 'dockerode'
import { ExitCode, UserError } from '../../errors.ts'
import { type FoundContainer, containersWith, statusOf } from './containers.ts'
import { type Engine, engineNowMs } from './engine.ts'

const mendedIn = 23
/** What Docker takes where a health check does not say. */
const usualMs = 30_000
/** So much later than due a check may be on a machine that is busy. */
const mostLateMs = 30_000
const lookMs = 500

/** Has them checked again, of those with these labels, after the engine was away. Returns the names of the containers; none where nothing is amiss. */
export async function resumeHealthChecks(engine: Engine, labels: readonly string[]): Promise<string[]> {
  if (!(await forgetsChecks(engine))) return []
  const unwatched = (await containersWith(engine, labels)).filter(isChecked)
  for (const { id } of unwatched) await pauseFor(engine, id)
  return unwatched.map(({ name }) => name)
}

/** Ids of those that this engine does not check any more, or may not: one that starts is found so at any time. */
export async function uncheckedOf(engine: Engine, containers: readonly FoundContainer[]): Promise<string[]> {
  const checked = containers.filter(isChecked)
  if (checked.length === 0 || !(await forgetsChecks(engine))) return []
  const overdue = await Promise.all(
    checked.map(async ({ id, health }) => health === 'starting' || (await isOverdueIn(engine, id))),
  )
  return checked.filter((_, index) => overdue[index]).map(({ id }) => id)
}

/**
 * Returns when it was checked again, so that its health is what it says.
 * @throws UserError (exit 4) when it is not in time; the signal's reason when interrupted
 */
export async function checkAgain(
  engine: Engine,
  { id, name }: { readonly id: string; readonly name: string },
  { timeoutMs, signal }: { readonly timeoutMs: number; readonly signal: AbortSignal },
): Promise<void> {
  const untilMs = performance.now() + timeoutMs
  await pauseFor(engine, id)
  while (await isOverdueIn(engine, id)) {
    if (performance.now() > untilMs) throw neverChecked(name)
    await sleep(lookMs, undefined, { signal })
  }
}

function neverChecked(name: string): UserError {
  return new UserError(`the Docker engine does not check the health of ${name} again`, {
    hint: `docker restart ${name}   has it begin anew`,
    exitCode: ExitCode.unhealthy,
    code: 'unhealthy',
  })
}

/** For a moment. Nothing is done where it has ended since, or is gone. */
async function pauseFor({ docker }: Engine, id: string): Promise<void> {
  try {
    await docker.getContainer(id).pause()
    await docker.getContainer(id).unpause()
  } catch (error) {
    if (![404, 409, 500].includes(statusOf(error) ?? 0)) throw error
  }
}

/** Whether one that runs should long have been checked, by what the engine tells of it. Pure. */
export function isOverdue(
  { State: { Running: runs, Health: health, StartedAt: startedAt }, Config }: Inspected,
  nowMs: number,
): boolean {
  const { Interval: interval = 0, Timeout: timeout = 0 } = Config.Healthcheck ?? {}
  const everyMs = [interval, timeout].reduce((sum, ns) => sum + (ns === 0 ? usualMs : ns / 1e6), 0)
  const last = Math.max(Date.parse(startedAt), ...(health?.Log ?? []).map(({ End }) => Date.parse(End)))
  return runs && nowMs - last > everyMs + mostLateMs
}

/** What is read of it; durations in nanoseconds, 0: the engine's own. */
export interface Inspected {
  readonly State: {
    readonly Running: boolean
    readonly StartedAt: string
    readonly Health?: { readonly Log?: readonly { readonly End: string }[] | null }
  }
  readonly Config: { readonly Healthcheck?: { readonly Interval?: number; readonly Timeout?: number } }
}

async function isOverdueIn({ docker }: Engine, id: string): Promise<boolean> {
  try {
    // By the clock by which the engine says when it checked.
    const nowMs = await engineNowMs({ docker })
    const info: ContainerInspectInfo = await docker.getContainer(id).inspect()
    // Its types know less of it than it tells.
    return isOverdue(info as unknown as Inspected, nowMs)
  } catch (error) {
    if (statusOf(error) === 404) return false
    throw error
  }
}

async function forgetsChecks({ docker, version }: Engine): Promise<boolean> {
  if (Number.parseInt(version, 10) >= mendedIn) return false
  const { LiveRestoreEnabled: runOn } = (await docker.info()) as { LiveRestoreEnabled?: boolean }
  return runOn === true
}

function isChecked({ status, health }: FoundContainer): boolean {
  return status === 'running' && health !== null
}
