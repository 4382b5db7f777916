import { describe, expect, it } from 'vitest'
import { ExitCode, UserError } from '../../../src/errors.ts'
import { failedIn } from '../../../src/loop/vector-cut-off.ts'
import type { VectorStep } from '../../../src/targets/qdrant/plan.ts'
import type { ClusterView } from '../../../src/targets/qdrant/view.ts'

const copy: VectorStep = {
  kind: 'copy',
  from: 'docs',
  to: 'docs--4',
  what: 'copy docs',
  because: 'asked for',
}
const transfer: VectorStep = {
  kind: 'transfer',
  move: { kind: 'move', collection: 'docs', shard: 0, from: '1', to: '2' },
  what: 'move shard 0',
  because: 'vector-2 holds none',
}
const error = new UserError('could not: refused', {
  exitCode: ExitCode.unhealthy,
  hint: 'its own',
  code: 'unhealthy',
})
const view = (up: boolean): ClusterView => ({
  raft: { term: 1, commit: 1, pending: 0, leader: '1' },
  peers: [{ id: '1', name: 'vector-1', uri: 'http://vector-1:6335/', up, memoryBytes: null }],
  collections: [],
})

describe('a step on a Qdrant cluster that failed', () => {
  it('is told with the node that is down, what is safe, and what to run', () => {
    expect(failedIn(copy, error, view(false))).toMatchObject({
      message: 'could not: refused. vector-1 does not answer',
      hint: expect.stringMatching(
        /^Once vector-1 runs again \(ragscale up\), the same command goes on.*docs is as it was/,
      ),
    })
  })

  it('is told with what stands between where nobody can be asked, also in the middle of a move', () => {
    for (const step of [copy, transfer])
      expect(failedIn(step, error, { obstacle: 'the API server does not answer' })).toMatchObject({
        message: 'could not: refused. no node of the cluster can be asked: the API server does not answer',
        hint: expect.stringMatching(/^The same command goes on from there/),
      })
    expect(failedIn(copy, error, { obstacle: null }).message).toMatch(/no node of the cluster can be asked$/)
  })

  it('is left as it is where a move names its nodes itself', () => {
    expect(failedIn(transfer, error, view(false))).toBe(error)
  })
})
