import { describe, expect, test } from 'vitest'
import { change } from '../../../src/loop/change.ts'
import type { Observed, StackTarget, Step } from '../../../src/targets/target.ts'
import { fakeRuntime } from '../../cli/fake-runtime.ts'
import { presetStack } from '../render/preset-stack.ts'

const stack = await presetStack('laptop', 'kubernetes')
const observed: Observed = { running: false, replicas: [], notes: [], kept: [] }
const step: Step = { what: 'install release laptop', because: 'there is none', tier: null }
const question = 'This changes the cluster https://10.0.0.1:6443. Go on?'

function targetThat(asks: boolean): { target: StackTarget; executed: Step[] } {
  const executed: Step[] = []
  const target: StackTarget = {
    name: 'kubernetes',
    observe: async () => observed,
    plan: () => (executed.length === 0 ? [step] : []),
    planDown: () => [],
    execute: async (steps) => {
      executed.push(...steps)
    },
    confirmation: () => (asks ? question : null),
    endpoints: () => ({}),
    sample: async () => [],
    logs: () => {
      throw new Error('nobody reads logs here')
    },
    lock: async () => ({ release: async () => {} }),
  }
  return { target, executed }
}

async function changed(
  asks: boolean,
  how: { yes?: boolean; dryRun?: boolean; answer?: boolean },
): Promise<Step[]> {
  const { target, executed } = targetThat(asks)
  const runtime = fakeRuntime(
    how.answer === undefined ? {} : { answers: { 'This changes the cluster': how.answer } },
  )
  await change(
    {
      stack,
      target,
      what: 'ragscale up',
      plan: (found) => target.plan(stack, found),
      dryRun: how.dryRun ?? false,
      yes: how.yes ?? false,
      timeoutMs: 1_000,
      onProgress: () => {},
    },
    runtime,
  )
  return executed
}

describe('what a target wants agreed to', () => {
  test('is asked, and done when somebody agrees', async () => {
    expect(await changed(true, { answer: true })).toEqual([step])
  })

  test('is not done when they do not', async () => {
    await expect(changed(true, { answer: false })).rejects.toMatchObject({ exitCode: 130, code: 'declined' })
  })

  test('is agreed to by --yes, and by nobody where nobody can be asked', async () => {
    expect(await changed(true, { yes: true })).toEqual([step])
    await expect(changed(true, {})).rejects.toMatchObject({
      exitCode: 2,
      message: `nobody can be asked here: ${question}`,
      hint: expect.stringContaining('ragscale up --yes') as string,
    })
  })

  test('is not asked for a dry run, nor by a target that has no question', async () => {
    expect(await changed(true, { dryRun: true })).toEqual([])
    expect(await changed(false, {})).toEqual([step])
  })
})
