import { describe, expect, test } from 'vitest'
import { change } from '../../../src/loop/change.ts'
import type { Observed, Progress, StackTarget, Step } from '../../../src/targets/target.ts'
import { fakeRuntime } from '../../cli/fake-runtime.ts'
import { presetStack } from '../render/preset-stack.ts'

const stack = await presetStack('laptop', 'compose')
const observed: Observed = { running: false, replicas: [], notes: [], kept: [] }
const away = new Error('the engine is away')

interface Behaviour {
  /** How often a step is cut off before it is done. */
  readonly cutOff?: number
  /** How often nobody can be asked what runs after that. */
  readonly blind?: number
  readonly recover?: StackTarget['recover']
  /** Whether somebody undoes what was done, each time. */
  readonly undone?: boolean
}

/** Of two steps the first is done before anything is cut off. */
function targetThat({ cutOff = 0, blind = 0, recover, undone = false }: Behaviour) {
  const done = new Set<string>()
  const counts = { executed: 0, observed: 0 }
  const target: StackTarget = {
    name: 'compose',
    observe: async () => {
      counts.observed++
      if (counts.executed > 0 && blind-- > 0) throw away
      return observed
    },
    plan: () =>
      ['start embed-1', 'start embed-2']
        .filter((what) => !done.has(what))
        .map((what): Step => ({ what, because: 'it does not run', tier: 'embed' })),
    planDown: () => [],
    execute: async (steps) => {
      counts.executed++
      done.add('start embed-1')
      if (cutOff-- > 0) throw away
      for (const { what } of steps) if (!undone || what === 'start embed-1') done.add(what)
    },
    ...(recover === undefined ? {} : { recover }),
    endpoints: () => ({}),
    sample: async () => [],
    logs: () => {
      throw new Error('nobody reads logs here')
    },
    lock: async () => ({ release: async () => {} }),
  }
  const told: Progress[] = []
  const result = change(
    {
      stack,
      target,
      what: 'ragscale up',
      plan: (found) => target.plan(stack, found),
      dryRun: false,
      yes: false,
      timeoutMs: 1_000,
      onProgress: (progress) => told.push(progress),
    },
    fakeRuntime({}),
  )
  return { result, counts, told }
}

describe('a change that is cut off', () => {
  test('is looked at, planned and gone on with when its cause is over, and says all that it did, once', async () => {
    const { result, counts } = targetThat({ cutOff: 2, recover: async (error) => error === away })
    expect((await result).steps.map(({ what }) => what)).toEqual(['start embed-1', 'start embed-2'])
    expect(counts).toEqual({ executed: 3, observed: 4 })
  })

  test('is gone on with also where nobody could be asked what runs', async () => {
    const { result } = targetThat({ cutOff: 1, blind: 2, recover: async () => true })
    expect((await result).steps).toHaveLength(2)
  })

  test('fails with its cause where that is of another kind, or the target knows of no cure', async () => {
    const other = targetThat({ cutOff: 1, recover: async () => false })
    await expect(other.result).rejects.toBe(away)
    expect(other.counts.executed).toBe(1)
    await expect(targetThat({ cutOff: 1 }).result).rejects.toBe(away)
  })

  test('fails with its cause when it is cut off again and again', async () => {
    const { result, counts } = targetThat({ cutOff: 100, recover: async () => true })
    await expect(result).rejects.toBe(away)
    expect(counts.executed).toBe(6)
  })
})

describe('a change that does not last', () => {
  test('is given up after three rounds, exit 4, with what is still to do', async () => {
    const { result, counts } = targetThat({ undone: true })
    await expect(result).rejects.toMatchObject({
      exitCode: 4,
      message: 'done 3 times over, and still to do: start embed-2 (it does not run)',
      hint: expect.stringContaining('ragscale up --dry-run'),
    })
    expect(counts.executed).toBe(3)
  })
})
