import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type Manifest, hashOf } from '../../../src/deployed/manifest.ts'
import { conflictsAmong, hasDrift, planChanges } from '../../../src/deployed/plan.ts'

/** One file of target `compose`: as it is rendered, as it is on the disk, as it was written. */
function kindOf(after: string | null, before: string | null, written: string | null, others?: string) {
  const manifest: Manifest = {
    targets: {
      compose: written === null ? {} : { a: hashOf(written) },
      ...(others === undefined ? {} : { swarm: { a: hashOf(others) } }),
    },
  }
  const rendered = new Map(after === null ? [] : [['a', after]])
  const changes = planChanges(rendered, new Map([['a', before]]), manifest, 'compose')
  return changes.map(({ kind }) => kind)
}

describe('what render does to a file', () => {
  test.each([
    ['that is not there: it is written', 'new', null, null, ['wrote']],
    ['that somebody deleted: it is written again', 'new', null, 'new', ['wrote']],
    ['that is as it would be: nothing', 'new', 'new', 'new', ['unchanged']],
    ['that somebody made the same: nothing', 'new', 'new', null, ['unchanged']],
    ['that is as it was written: it is changed', 'new', 'old', 'old', ['changed']],
    ['that a user has edited: it is a conflict', 'new', 'mine', 'old', ['edited']],
    ['that a user has made: it is a conflict', 'new', 'mine', null, ['foreign']],
    ['that is rendered no longer: it is removed', null, 'old', 'old', ['removed']],
    ['that is rendered no longer, and edited: it is kept', null, 'mine', 'old', ['kept']],
    ['that is rendered no longer, and gone: nothing', null, null, 'old', []],
  ])('%s', (_name, after, before, written, expected) => {
    expect(kindOf(after, before, written)).toEqual(expected)
  })

  test('what another target has written is ours, and is removed only with the last target that has it', () => {
    expect(kindOf('new', 'old', null, 'old')).toEqual(['changed'])
    expect(kindOf(null, 'old', 'old', 'old')).toEqual([])
  })

  test('what was being written when the process died is ours, whether it got that far or not', () => {
    const manifest: Manifest = { targets: { compose: { a: hashOf('old') } }, writing: { a: hashOf('half') } }
    for (const before of ['old', 'half']) {
      const [change] = planChanges(new Map([['a', 'new']]), new Map([['a', before]]), manifest, 'compose')
      expect(change?.kind).toBe('changed')
    }
  })

  test('an override file is never rendered', () => {
    const rendered = new Map([['compose/compose.override.yaml', '']])
    expect(() => planChanges(rendered, new Map(), { targets: {} }, 'compose')).toThrow('must not write it')
  })
})

describe('the plan as a whole', () => {
  const text = fc.constantFrom('one', 'two', 'three')
  const files = fc.dictionary(fc.constantFrom('a', 'b', 'c', 'd'), text)

  test('no bytes of a user are ever written over or removed without being asked', () => {
    fc.assert(
      fc.property(files, files, files, (rendered, disk, written) => {
        const manifest: Manifest = {
          targets: {
            compose: Object.fromEntries(Object.entries(written).map(([path, was]) => [path, hashOf(was)])),
          },
        }
        const changes = planChanges(
          new Map(Object.entries(rendered)),
          new Map(Object.entries(disk)),
          manifest,
          'compose',
        )
        for (const { path, kind, before, after } of changes) {
          const ours = before === null || before === written[path]
          const touched = kind === 'wrote' || kind === 'changed' || kind === 'removed'
          if (touched && before !== after) expect(ours, `${kind} ${path}`).toBe(true)
        }
      }),
    )
  })

  test('once everything is as rendered there is no drift, and nothing to ask', () => {
    fc.assert(
      fc.property(files, (rendered) => {
        const texts = new Map(Object.entries(rendered))
        const changes = planChanges(texts, texts, { targets: {} }, 'compose')
        expect(hasDrift(changes)).toBe(false)
        expect(conflictsAmong(changes)).toEqual([])
      }),
    )
  })
})
