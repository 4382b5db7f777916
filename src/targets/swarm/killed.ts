/** Which tasks were killed for want of memory: their containers know, and an engine is asked about its own. */
import { containerWith } from '../docker/containers.ts'
import type { Engine } from '../docker/engine.ts'
import type { FoundTask } from './found.ts'

const killed = 137

type Oom = FoundTask['oom'] | null

/** By the id of the container: one that has ended stays as it ended. */
const known = new WeakMap<Engine, Map<string, Oom>>()

/** @param node of the engine itself */
export async function withOom(
  tasks: readonly FoundTask[],
  engine: Engine,
  node: string,
): Promise<FoundTask[]> {
  return await Promise.all(
    tasks.map(async (task) => {
      const { state, exitCode, container, node: on } = task
      if (state !== 'failed' || exitCode !== killed || container === null || on !== node) return task
      const oom = await oomOf(engine, container)
      return oom == null ? task : { ...task, oom }
    }),
  )
}

async function oomOf(engine: Engine, container: string): Promise<Oom> {
  const before = known.get(engine) ?? new Map<string, Oom>()
  known.set(engine, before)
  const told = before.get(container)
  if (told !== undefined) return told
  const found = await containerWith(engine, container)
  const oom = found?.oomKilled === true ? { limitBytes: found.memoryLimitBytes } : null
  before.set(container, oom)
  return oom
}
