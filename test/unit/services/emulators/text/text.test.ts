import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { dot, Embedder } from '../../../../../src/services/emulators/text/embedding.ts'
import { rerankScore } from '../../../../../src/services/emulators/text/relevance.ts'
import { countTokens, pieces, truncate } from '../../../../../src/services/emulators/text/tokens.ts'
import { vectorJson, vectorsJson } from '../../../../../src/services/emulators/text/vector-json.ts'

describe('tokens', () => {
  it('are pieces of words, groups of digits and single signs', () => {
    const text = 'Embeddings, 12345 of  them!'
    expect(pieces(text).map(({ start, end }) => text.slice(start, end))).toEqual([
      'Embedd',
      'ings',
      ',',
      '123',
      '45',
      'of',
      'them',
      '!',
    ])
  })

  it('number about 1.3 a word of English prose', () => {
    const prose =
      'The shards of a collection are spread over the nodes of the cluster, and every shard is kept by as many nodes as the ' +
      'replication factor says. A query is answered by the node that receives it: it asks one copy of each shard, waits for ' +
      'the slowest, and merges what it was given.'
    const ratio = countTokens(prose) / prose.split(' ').length
    expect(ratio).toBeGreaterThan(1.1)
    expect(ratio).toBeLessThan(1.5)
  })

  it('cover everything that is not white space, once, and cut no sign in half', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', maxLength: 60 }), (text) => {
        const found = pieces(text)
        expect(countTokens(text)).toBe(found.length)
        let from = 0
        for (const { start, end } of found) {
          expect(text.slice(from, start).trim()).toBe('')
          expect(end).toBeGreaterThan(start)
          expect(text.slice(start, end).isWellFormed()).toBe(true)
          from = end
        }
        expect(text.slice(from).trim()).toBe('')
      }),
    )
  })

  it('are kept from either side when a text is truncated', () => {
    expect(truncate('one two three four', 2)).toEqual({ text: 'one two', tokens: 2 })
    expect(truncate('one two three four', 2, 'left')).toEqual({ text: 'three four', tokens: 2 })
    expect(truncate('one two', 20)).toEqual({ text: 'one two', tokens: 2 })
    expect(truncate('one two', 0)).toEqual({ text: '', tokens: 0 })
  })
})

describe('an embedding', () => {
  const embedder = new Embedder('some/model', 384)
  const near = (a: string, b: string) => dot(embedder.embed(a), embedder.embed(b))

  it('has length 1, whatever the text', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), (text) => {
        const vector = embedder.embed(text)
        expect(vector).toHaveLength(384)
        expect(dot(vector, vector)).toBeCloseTo(1, 4)
      }),
    )
  })

  it('is near for texts that share words or stems, and far for others', () => {
    const question = 'How do I move a shard to another node?'
    expect(near(question, question)).toBeCloseTo(1, 5)
    expect(near(question, 'Moving shards between nodes')).toBeGreaterThan(0.2)
    expect(near(question, 'Shards move to another node by this call')).toBeGreaterThan(
      near(question, 'Bake the bread for an hour'),
    )
    expect(Math.abs(near(question, 'Bake the bread for an hour'))).toBeLessThan(0.15)
  })

  it('depends on the model', () => {
    const other = new Embedder('another/model', 384)
    expect(Math.abs(dot(embedder.embed('the same text'), other.embed('the same text')))).toBeLessThan(0.4)
  })

  it('ranks the text that answers first', () => {
    const scores = rerankScore(
      'What is the default port of Qdrant?',
      ['vLLM answers on 8000.', 'The default port of Qdrant is 6333.', 'Cats.'],
      embedder,
    )
    expect(scores.indexOf(Math.max(...scores))).toBe(1)
  })
})

describe('a vector in JSON', () => {
  it('reads back as it was, to seven digits', () => {
    const numbers = fc.array(fc.float({ min: -100, max: 100, noNaN: true }), { maxLength: 40 })
    fc.assert(
      fc.property(numbers, (values) => {
        const vector = new Float32Array(values)
        const back = JSON.parse(vectorJson(vector)) as number[]
        expect(back).toHaveLength(values.length)
        back.forEach((value, index) => expect(Math.abs(value - vector[index]!)).toBeLessThanOrEqual(0.51e-7))
      }),
    )
  })

  it('is written with a point and as short as may be', () => {
    expect(vectorsJson([new Float32Array([0, -0, 1, -0.25]), new Float32Array([12.5, 0.9999999999])])).toBe(
      '[[0.0,0.0,1.0,-0.25],[12.5,1.0]]',
    )
  })

  it('cannot hold what is no number', () => {
    expect(() => vectorJson(new Float32Array([NaN]))).toThrow(RangeError)
  })
})
