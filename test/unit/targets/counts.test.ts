import { describe, expect, it } from 'vitest'
import { countOf, parseCounts, withCounts } from '../../../src/targets/counts.ts'
import { allTiers, stackOf } from './stacks.ts'

describe('counts', () => {
  it('are read as tier=count', () => {
    expect([...parseCounts(['embed=3', 'vector=4'])]).toEqual([
      ['embed', 3],
      ['vector', 4],
    ])
  })

  it.each(['embed', 'embed=', 'embed=0', 'embed=-1', 'embed=2.5', 'embed=many', 'embeds=2', 'embed=1=2'])(
    'are refused when written as %s',
    (text) => {
      expect(() => parseCounts([text])).toThrow(expect.objectContaining({ exitCode: 2 }))
    },
  )

  it('change replicas and nodes, and nothing else', () => {
    const stack = stackOf(allTiers)
    const scaled = withCounts(stack, parseCounts(['embed=5', 'vector=4']))
    expect([countOf(scaled, 'embed'), countOf(scaled, 'vector'), countOf(scaled, 'gateway')]).toEqual([
      5, 4, 2,
    ])
    expect(countOf(stack, 'embed')).toBe(2)
    expect(scaled.tiers.vector?.collection).toEqual(stack.tiers.vector?.collection)
  })

  it('of a tier that the stack lacks name those that it has', () => {
    const stack = stackOf('\n  embed: { model: BAAI/bge-small-en-v1.5 }')
    expect(() => withCounts(stack, parseCounts(['generate=2']))).toThrow(
      expect.objectContaining({
        exitCode: 2,
        message: 'handbook has no tier generate that is counted',
        hint: 'it has embed',
      }),
    )
  })
})
