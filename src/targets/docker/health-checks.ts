/**
 * Health checks of containers that ran on while their engine was away (`live-restore`): engines before 23.0 begin them
 * anew only when the container is started, or no longer paused.
 * @see https://github.com/moby/moby/issues/41871
 */
import { containersWith, statusOf } from './containers.ts'
import type { Engine } from './engine.ts'

const mendedIn = 23

/** Has them checked again, of those with these labels. Returns the names of the containers; none where nothing is amiss. */
export async function resumeHealthChecks(engine: Engine, labels: readonly string[]): Promise<string[]> {
  const { docker, version } = engine
  if (Number.parseInt(version, 10) >= mendedIn) return []
  const { LiveRestoreEnabled: ranOn } = (await docker.info()) as { LiveRestoreEnabled?: boolean }
  if (ranOn !== true) return []
  const unwatched = (await containersWith(engine, labels)).filter(
    ({ status, health }) => status === 'running' && health !== null,
  )
  for (const { id } of unwatched) {
    try {
      await docker.getContainer(id).pause()
      await docker.getContainer(id).unpause()
    } catch (error) {
      // It has ended since, or is gone.
      if (![404, 409, 500].includes(statusOf(error) ?? 0)) throw error
    }
  }
  return unwatched.map(({ name }) => name)
}
