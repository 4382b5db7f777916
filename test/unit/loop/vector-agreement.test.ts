import { describe, expect, test } from 'vitest'
import { agreementOn } from '../../../src/loop/vector-agreement.ts'
import type { VectorStep } from '../../../src/targets/qdrant/plan.ts'
import { fakeRuntime } from '../../cli/fake-runtime.ts'

const said = { what: 'do it', because: 'the file says so' }
const waits: readonly VectorStep[] = [
  { ...said, kind: 'wait', collection: 'docs', shard: 0 },
  { ...said, kind: 'recover', collection: 'docs', shard: 0, peer: '1' },
  { ...said, kind: 'settle', collection: 'docs' },
]
const replicate: VectorStep = { ...said, kind: 'set-replication', collection: 'docs', replication: 2 }
const drop: VectorStep = { ...said, kind: 'drop-collection', collection: 'docs--6', what: 'remove docs--6' }
const leave: VectorStep = { ...said, kind: 'remove-peer', peer: '1', name: 'vector-1', what: 'take it out' }
const here = { loopback: true }
const elsewhere = { loopback: false }
/** One whom nobody asks fails the test when it is asked. */
const asked = (answer?: boolean) => fakeRuntime({ answers: answer === undefined ? {} : { 'Go on?': answer } })
const nobody = fakeRuntime()
const no = { yes: false }

describe('changes of a Qdrant cluster', () => {
  test('are not asked about on this machine unless they remove something', async () => {
    await agreementOn(here, no, asked())([...waits, replicate])
    for (const step of [drop, leave])
      await expect(agreementOn(here, no, asked(false))([step])).rejects.toMatchObject({ code: 'declined' })
  })

  test('are all asked about on a cluster of somebody else’s, but mere waiting is not', async () => {
    await agreementOn(elsewhere, no, asked())(waits)
    await agreementOn(elsewhere, no, asked())([])
    await expect(agreementOn(elsewhere, no, asked(false))([replicate])).rejects.toMatchObject({
      exitCode: 130,
      message: 'Nothing was changed.',
    })
    await agreementOn(elsewhere, no, asked(true))([replicate])
  })

  test('are agreed to by --yes, and refused where nobody can be asked', async () => {
    await agreementOn(elsewhere, { yes: true }, nobody)([replicate, drop])
    await agreementOn(elsewhere, no, nobody)(waits)
    await expect(agreementOn(here, no, nobody)([replicate, drop])).rejects.toMatchObject({
      exitCode: 2,
      message: 'this would remove docs--6, and nobody can be asked whether that is meant',
    })
  })

  test('that only show once something has ended are asked about then, with what has been done until then', async () => {
    const afterWaiting = agreementOn(here, no, asked(false))
    await afterWaiting(waits)
    await expect(afterWaiting([drop])).rejects.toMatchObject({
      message: 'Nothing was changed (what was under way has ended).',
    })
    const afterChanging = agreementOn(here, no, asked(false))
    await afterChanging([replicate])
    await expect(afterChanging([drop])).rejects.toMatchObject({
      message: 'Nothing more was changed (what was under way has ended).',
    })
  })
})
