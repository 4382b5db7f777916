/** An engine that goes away under a change of what runs, as when it is restarted, and comes back. */
import { Agent as HttpAgent } from 'node:http'
import { Agent as HttpsAgent } from 'node:https'
import { performance } from 'node:perf_hooks'
import { setTimeout as sleep } from 'node:timers/promises'
import { ExitCode, UserError } from '../../errors.ts'
import { formatDuration } from '../../stack/units.ts'
import type { ExecuteOptions } from '../target.ts'
import { type EnginePlace, type Env, enginePlace } from './context.ts'
import { EngineAway, connectionOf, isGone } from './engine.ts'

const pingMs = 3_000
const everyMs = 500
/** A machine that starts anew is back within this. */
const longestMs = 5 * 60_000
/** Said again after so long, to show that somebody still waits. */
const remindMs = 30_000

/** Whether an error means that no engine answered, and not that one refused. */
export function isAway(error: unknown): boolean {
  return error instanceof EngineAway || isGone(error)
}

/**
 * Whether an engine takes requests. It is asked over a connection of its own: one that is being stopped takes no new
 * ones at once, and answers on those that are open until the last of its containers has ended.
 */
export async function answers({ place }: { readonly place: EnginePlace }): Promise<boolean> {
  const { default: Dockerode } = await import('dockerode')
  const options = connectionOf(place)
  const agent = options.protocol === 'https' ? new HttpsAgent({ ...options.agent?.options }) : new HttpAgent()
  // Its types do not know of the agent.
  const asking = { ...options, agent, timeout: pingMs }
  try {
    await new Dockerode(asking).ping()
    return true
  } catch (error) {
    // Any answer is one, if only that something is wrong with it.
    return !isGone(error)
  } finally {
    agent.destroy()
  }
}

/**
 * After an error that came of an engine that went away: waits until it answers again, and says so.
 * @returns false where the error is of another kind
 * @throws UserError: exit 4 when it does not come back in time, 130 when interrupted
 */
export async function untilEngineIsBack(
  thrown: unknown,
  env: Env,
  options: ExecuteOptions,
): Promise<boolean> {
  if (!isAway(thrown)) return false
  const { onProgress, signal, timeoutMs } = options
  const place = await enginePlace(env)
  const sinceMs = performance.now()
  const since = new Date().toTimeString().slice(0, 'hh:mm:ss'.length)
  const withinMs = Math.min(timeoutMs, longestMs)
  const note = (text: string): void => onProgress({ kind: 'note', text })
  for (let saidMs: number | null = null; ;) {
    if (await answers({ place })) {
      if (saidMs !== null)
        note(`the Docker engine answers again, after ${shown(performance.now() - sinceMs)}: going on`)
      return true
    }
    const now = performance.now()
    if (now - sinceMs > withinMs) throw stayedAway(place, since, now - sinceMs, thrown)
    if (saidMs === null || now - saidMs > remindMs) {
      const left = shown(withinMs - (now - sinceMs))
      note(
        `the Docker engine at ${place.host} does not answer since ${since}: waiting for it, ${left} at most`,
      )
      saidMs = now
    }
    await sleep(everyMs, undefined, { signal }).catch(() => {})
    if (signal.aborted) throw interruptedAway()
  }
}

function stayedAway({ host, from }: EnginePlace, since: string, forMs: number, cause: unknown): UserError {
  const start = from === 'the usual socket' ? 'sudo systemctl start docker' : 'there where it runs'
  return new UserError(`the Docker engine at ${host} has not answered since ${since}, for ${shown(forMs)}`, {
    hint: `Start it again (${start}); then the same command goes on from where it is.`,
    exitCode: ExitCode.unhealthy,
    code: 'docker',
    cause,
  })
}

/** Ctrl-C while nobody can be asked what runs. */
export function interruptedAway(): UserError {
  return new UserError(
    'Interrupted. The Docker engine does not answer, so that what runs is left as far as it came.',
    {
      hint: 'Once it is back: ragscale up goes on from there, ragscale status shows where, ragscale down stops what runs',
      exitCode: ExitCode.interrupted,
      code: 'interrupted',
    },
  )
}

function shown(ms: number): string {
  return formatDuration(Math.max(1, Math.round(ms / 1000)) * 1000)
}
