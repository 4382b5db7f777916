import { describe, expect, test } from 'vitest'
import { conditionOf, endOf, jobConditionOf } from '../../../../src/targets/docker/condition.ts'
import type { FoundContainer } from '../../../../src/targets/docker/containers.ts'
import { container, service } from '../compose/found-stack.ts'

const of = (more: Partial<FoundContainer>): FoundContainer => container(service('embed'), 1, more)

describe('the condition of a server', () => {
  test.each([
    ['healthy by its check', {}, 'healthy', null],
    ['running without a check', { health: null }, 'healthy', null],
    ['made and waiting', { status: 'created' }, 'waiting', 'waits for what it needs'],
    ['not startable', { status: 'created', error: 'no such device' }, 'failing', 'no such device'],
    ['ended', { status: 'exited', exitCode: 1 }, 'failing', 'it ended with exit 1'],
    ['between two tries', { status: 'restarting', exitCode: 1 }, 'restarting', 'it ended with exit 1'],
    [
      'crashing again and again',
      { status: 'restarting', exitCode: 1, restarts: 3 },
      'failing',
      'it ended 3 times: it ended with exit 1',
    ],
    ['back after three crashes', { restarts: 3, health: 'healthy' }, 'healthy', null],
    ['being removed', { status: 'removing' }, 'stopping', null],
    ['paused', { status: 'paused' }, 'unhealthy', 'it is paused: docker unpause'],
  ] satisfies [string, Partial<FoundContainer>, string, string | null][])('%s', (_, more, state, because) => {
    expect(conditionOf(of(more))).toEqual({ state, because })
  })

  test('restarts of before count for nothing', () => {
    const old = of({ status: 'restarting', exitCode: 1, restarts: 40 })
    expect(conditionOf(old, 39).state).toBe('restarting')
    expect(conditionOf(old, 37).state).toBe('failing')
  })
})

test('how it ended is said in words, out of memory first', () => {
  const ends: [Partial<FoundContainer>, string][] = [
    [{ oomKilled: true, exitCode: 137, memoryLimitBytes: 2 ** 31 }, 'of 2.0 GiB and was killed (OOM)'],
    [{ exitCode: 137 }, 'it was killed (exit 137)'],
    [{ exitCode: 143 }, 'SIGTERM'],
    [{ exitCode: 127 }, 'could not be started'],
    [{ exitCode: 0 }, 'ended by itself'],
  ]
  for (const [more, says] of ends) expect(endOf(of(more))).toContain(says)
})

describe('a job', () => {
  test('has run when it ended well, and says which try it is at', () => {
    expect(jobConditionOf(of({ status: 'exited', exitCode: 0 }))).toBe('completed')
    expect(jobConditionOf(of({ restarts: 2, mostRestarts: 5 }))).toEqual({
      state: 'starting',
      because: 'runs, try 3 of 6',
    })
    expect(jobConditionOf(of({ status: 'exited', exitCode: 1 }))).toMatchObject({ state: 'failing' })
  })
})
