/** Makes containers what they should be, by the engine alone, in the order of what they wait for. */
import { setTimeout as sleep } from 'node:timers/promises'
import { UserError } from '../../../errors.ts'
import { conditionOf, jobConditionOf } from '../../docker/condition.ts'
import { type FoundContainer, containersWith, statusOf } from '../../docker/containers.ts'
import { type Engine, engineSays } from '../../docker/engine.ts'
import { numberOf, projectLabel, serviceOf } from '../found.ts'
import type { ActionOf } from '../steps.ts'
import type { WantedService } from '../wanted.ts'
import { type Placed, containerName, containerOptions } from './container.ts'

const everyMs = 300

export async function applyAlone(
  engine: Engine,
  placed: Placed,
  steps: readonly ActionOf<'apply'>[],
  signal: AbortSignal,
): Promise<void> {
  await makeNetworks(engine, placed)
  await makeVolumes(engine, placed)
  const before = await containersOf(engine, placed)
  // All of them first: whoever looks sees what waits.
  const made = await Promise.all(steps.map(async (step) => await make(engine, placed, step, before)))
  await Promise.all(
    steps.map(async ({ service }, index) => {
      await waitFor(engine, placed, service.after, signal)
      for (const id of made[index] ?? []) await start(engine, id)
    }),
  )
}

/** One container of a service that there is none of with this number. */
export async function makeAlone(
  engine: Engine,
  placed: Placed,
  service: Pick<WantedService, 'name'>,
  number: number,
): Promise<void> {
  await start(engine, await create(engine, placed, service.name, number))
}

/** Ids of the service's containers, of which those that were otherwise are made anew. */
async function make(
  engine: Engine,
  placed: Placed,
  { service, force }: ActionOf<'apply'>,
  before: readonly FoundContainer[],
): Promise<string[]> {
  const { name, replicas, hash, stopSeconds } = service
  const { docker } = engine
  const imageId = (await docker.getImage(service.image).inspect()).Id
  const ids: string[] = []
  for (let number = 1; number <= replicas; number++) {
    const found = before.find((one) => serviceOf(one) === name && numberOf(one) === number)
    const same = found?.labels['com.docker.compose.config-hash'] === hash && found.imageId === imageId
    if (found !== undefined && same && !force) {
      ids.push(found.id)
      continue
    }
    if (found !== undefined) {
      const old = docker.getContainer(found.id)
      await old.stop({ t: stopSeconds }).catch(unless(304, 404))
      await old.remove({ force: true, v: true }).catch(unless(404))
    }
    ids.push(await create(engine, placed, name, number))
  }
  return ids
}

async function create({ docker }: Engine, placed: Placed, name: string, number: number): Promise<string> {
  const created = await docker
    .createContainer(containerOptions(name, number, placed))
    .catch((error: unknown) => {
      throw new UserError(
        `the engine does not make ${containerName(placed.model, name, number)}: ${engineSays(error)}`,
        { hint: 'ragscale status shows what runs; ragscale up tries again', code: 'docker', cause: error },
      )
    })
  return created.id
}

/** What keeps it from starting is told by the container itself, which whoever watches sees. */
async function start({ docker }: Engine, id: string): Promise<void> {
  await docker.getContainer(id).start().catch(unless(304))
}

async function waitFor(
  engine: Engine,
  placed: Placed,
  after: ActionOf<'apply'>['service']['after'],
  signal: AbortSignal,
): Promise<void> {
  for (;;) {
    signal.throwIfAborted()
    const now = after.length === 0 ? [] : await containersOf(engine, placed)
    const isThere = after.every(({ service, until }) => {
      const found = now.filter((one) => serviceOf(one) === service)
      if (found.length === 0) return false
      return found.every((one) => {
        if (until === 'completed') return jobConditionOf(one) === 'completed'
        return until === 'started' ? one.status === 'running' : conditionOf(one).state === 'healthy'
      })
    })
    if (isThere) return
    await sleep(everyMs, undefined, { signal })
  }
}

async function containersOf(engine: Engine, { model }: Placed): Promise<FoundContainer[]> {
  return await containersWith(engine, [`${projectLabel}=${model.name}`])
}

async function makeNetworks({ docker }: Engine, { model }: Placed): Promise<void> {
  for (const [name, { labels }] of Object.entries(model.networks)) {
    const Name = `${model.name}_${name}`
    const found = await docker.listNetworks({ filters: { name: [`^${Name}$`] } })
    if (found.length > 0) continue
    const own = { 'com.docker.compose.project': model.name, 'com.docker.compose.network': name }
    await docker.createNetwork({ Name, Labels: { ...labels, ...own } })
  }
}

/** One that is there is kept as it is. */
async function makeVolumes({ docker }: Engine, { model }: Placed): Promise<void> {
  const used = new Set(
    Object.values(model.services).flatMap(({ volumes = [] }) =>
      volumes.flatMap(({ type, source }) => (type === 'volume' && source !== undefined ? [source] : [])),
    ),
  )
  for (const [name, { labels }] of Object.entries(model.volumes)) {
    if (!used.has(name)) continue
    const own = { 'com.docker.compose.project': model.name, 'com.docker.compose.volume': name }
    await docker.createVolume({ Name: `${model.name}_${name}`, Labels: { ...labels, ...own } })
  }
}

function unless(...statuses: readonly number[]): (error: unknown) => void {
  return (error) => {
    if (!statuses.includes(statusOf(error) ?? 0)) throw error
  }
}
