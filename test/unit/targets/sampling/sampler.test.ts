import { describe, expect, it } from 'vitest'
import { type SampledReplica, Sampler } from '../../../../src/targets/sampling/sampler.ts'
import type { UsageReading } from '../../../../src/targets/sampling/usage.ts'

/** A replica that answers what a test last said, and a clock that goes on by a second a sample. */
function scene() {
  const said: { usage: UsageReading | null; metrics: string | null; id: string } = {
    usage: null,
    metrics: null,
    id: 'one',
  }
  let atMs = 0
  const sampler = new Sampler({ wallMs: () => 1_790_000_000_000 + atMs, steadyMs: () => atMs })
  const replica = (): SampledReplica => ({
    tier: 'embed',
    replica: '1',
    id: said.id,
    usage: async () => said.usage,
    signals: { queue: { gauge: 'waiting' }, preemptions: { rate: 'counted' } },
    metrics: async () => said.metrics,
    gpus: null,
  })
  return {
    said,
    next: async () => {
      atMs += 1000
      return (await sampler.sample([replica()]))[0]
    },
  }
}

const used = (atMs: number, cpuSeconds: number): UsageReading => ({
  atMs,
  cpuSeconds,
  memoryBytes: 10,
  network: null,
  disk: null,
})

describe('samples of replicas', () => {
  it('are rates from the second on', async () => {
    const { said, next } = scene()
    Object.assign(said, { usage: used(1000, 1), metrics: 'waiting 2\ncounted 10\n' })
    expect(await next()).toMatchObject({ cpuCores: null, memoryBytes: 10, queue: 2, signals: {} })
    Object.assign(said, { usage: used(2000, 1.5), metrics: 'waiting 3\ncounted 14\n' })
    expect(await next()).toMatchObject({
      tier: 'embed',
      replica: '1',
      at: 1_790_000_002_000,
      cpuCores: 0.5,
      queue: 3,
      signals: { preemptions: 4 },
    })
  })

  it('do not repeat a reading that the engine gave twice, nor miss what came between', async () => {
    const { said, next } = scene()
    said.usage = used(1000, 1)
    await next()
    expect(await next()).toBeUndefined()
    said.usage = null
    expect(await next()).toBeUndefined()
    said.usage = used(4000, 4)
    expect(await next()).toMatchObject({ cpuCores: 1 })
  })

  it('begin anew with a container that took the place of another', async () => {
    const { said, next } = scene()
    said.usage = used(1000, 1)
    await next()
    Object.assign(said, { id: 'two', usage: used(2000, 5) })
    expect(await next()).toMatchObject({ cpuCores: null, memoryBytes: 10 })
  })

  it('go on without the metrics of a replica that answers with something else', async () => {
    const { said, next } = scene()
    Object.assign(said, { usage: used(1000, 1), metrics: '<html>502</html>' })
    expect(await next()).toMatchObject({ memoryBytes: 10, queue: null, signals: {} })
  })
})
