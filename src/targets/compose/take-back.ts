/** What was started for the first time is as if it had never been. */
import type { Topology } from '../../render/topology.ts'
import { containersWith, statusOf } from '../docker/containers.ts'
import type { Engine } from '../docker/engine.ts'
import { labelsOf, projectLabel } from './found.ts'
import type { Places } from './places.ts'
import { removeState } from './state-folder.ts'

/** A container that nobody waits for any more has this long to end. */
const takeBackSeconds = 2

export interface Started {
  readonly engine: Engine
  readonly topology: Topology
  readonly places: Places
}

/** @param kept volumes that were there before */
export async function takeBack(
  { engine, topology, places }: Started,
  kept: readonly string[],
): Promise<void> {
  const { name } = topology.stack
  const containers = await containersWith(engine, [`${projectLabel}=${name}`])
  await Promise.all(
    containers.map(async ({ id }) => {
      const container = engine.docker.getContainer(id)
      await ignoringMissing(container.stop({ t: takeBackSeconds }))
      await ignoringMissing(container.remove({ force: true, v: true }))
    }),
  )
  const filters = { label: labelsOf(name) }
  for (const { Id } of await engine.docker.listNetworks({ filters })) {
    await ignoringMissing(engine.docker.getNetwork(Id).remove())
  }
  const { Volumes } = await engine.docker.listVolumes({ filters })
  for (const { Name } of Volumes.filter((volume) => !kept.includes(volume.Name))) {
    await ignoringMissing(engine.docker.getVolume(Name).remove())
  }
  await removeState(places.state)
}

/** Already stopped (304), or already gone (404). */
export async function ignoringMissing(doing: Promise<unknown>): Promise<void> {
  try {
    await doing
  } catch (error) {
    if (![304, 404].includes(statusOf(error) ?? 0)) throw error
  }
}
