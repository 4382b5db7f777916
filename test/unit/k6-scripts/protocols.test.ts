import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import * as http from '../../../k6-scripts/protocols/http.ts'
import * as openai from '../../../k6-scripts/protocols/openai.ts'
import * as qdrant from '../../../k6-scripts/protocols/qdrant.ts'
import * as ragscale from '../../../k6-scripts/protocols/ragscale.ts'
import * as tei from '../../../k6-scripts/protocols/tei.ts'
import type { Target } from '../../../k6-scripts/plan.ts'

const target = (changes: Partial<Target> = {}): Target => ({
  urls: ['http://127.0.0.1:1'],
  protocol: 'openai',
  ...changes,
})
const json = (body: string) => JSON.parse(body) as Record<string, unknown>

describe('TEI', () => {
  it('is asked to embed one text', () => {
    expect(json(tei.embedBody({ query: 'a "b"' }))).toEqual({ inputs: 'a "b"' })
  })

  it('is asked to rank the documents of a query, cut where they are too long', () => {
    expect(json(tei.rerankBody({ query: 'a', documents: ['b', 'c'] }))).toEqual({
      query: 'a',
      texts: ['b', 'c'],
      truncate: true,
    })
    expect(() => tei.rerankBody({ query: 'a' })).toThrow(/documents/)
  })
})

describe('OpenAI', () => {
  it('is asked to embed with the model where there is one', () => {
    expect(json(openai.embedBody({ query: 'a' }, target({ model: 'm' })))).toEqual({ input: 'a', model: 'm' })
    expect(json(openai.embedBody({ query: 'a' }, target()))).toEqual({ input: 'a' })
  })

  it('is asked for a stream that ends with the usage, of as many tokens as the query or else the plan says', () => {
    expect(json(openai.chatBody({ query: 'a' }, target({ model: 'm', outputTokens: 7 })))).toEqual({
      model: 'm',
      messages: [{ role: 'user', content: 'a' }],
      max_tokens: 7,
      stream: true,
      stream_options: { include_usage: true },
    })
    expect(
      json(openai.chatBody({ query: 'a', outputTokens: 3 }, target({ outputTokens: 7 })))['max_tokens'],
    ).toBe(3)
  })

  it('may be named with or without /v1', () => {
    expect(openai.pathAfter('http://a:1', openai.chatPath)).toBe('/v1/chat/completions')
    expect(openai.pathAfter('http://a:1/v1/', openai.chatPath)).toBe('/chat/completions')
  })

  it('gets prompts of about the tokens asked for, the question last, at four characters a token', () => {
    fc.assert(
      fc.property(
        fc.string({ minLength: 1, maxLength: 200 }),
        fc.integer({ min: 1, max: 2_000 }),
        (query, inputTokens) => {
          const prompt = openai.prompt({ query, inputTokens })
          expect(prompt.endsWith(query)).toBe(true)
          const tokens = prompt.length / 4
          expect(tokens).toBeGreaterThanOrEqual(Math.min(inputTokens, query.length / 4) * 0.9 - 2)
          expect(tokens).toBeLessThanOrEqual(Math.max(inputTokens, query.length / 4) * 1.1 + 2)
        },
      ),
    )
  })

  it('gets the same prompt for the same query, and no shared prefix for another', () => {
    const prompt = (query: string) => openai.prompt({ query, inputTokens: 200 })
    expect(prompt('why?')).toBe(prompt('why?'))
    expect(prompt('why?').slice(0, 40)).not.toBe(prompt('how?').slice(0, 40))
  })

  it('gets the documents of a query before the question', () => {
    expect(openai.prompt({ query: 'q', documents: ['one', 'two'] })).toBe('one\n\ntwo\n\nq')
  })
})

describe('Qdrant', () => {
  it('is asked for the nearest points with their payload, under its own key header', () => {
    expect(qdrant.queryPath(target({ collection: 'a b' }))).toBe('/collections/a%20b/points/query')
    expect(json(qdrant.queryBody({ query: 'q', vector: [1, 2] }, target({ topK: 3 })))).toEqual({
      query: [1, 2],
      limit: 3,
      with_payload: true,
    })
    expect(qdrant.keyHeader('secret')).toEqual({ 'api-key': 'secret' })
    expect(() => qdrant.queryBody({ query: 'q' }, target())).toThrow(/vector/)
  })

  it('answers with ids, or with something that is not an answer', () => {
    expect(qdrant.idsOf('{"result":{"points":[{"id":1},{"id":"b"}]},"status":"ok"}')).toEqual(['1', 'b'])
    expect(qdrant.idsOf('{"status":{"error":"no"}}')).toBeNull()
    expect(qdrant.idsOf('<html>')).toBeNull()
    expect(qdrant.idsOf(null)).toBeNull()
  })

  it('recalls the share of the true k that is among the first k found', () => {
    expect(qdrant.recallAt(4, ['1', '9', '3', '8'], [1, 2, 3, 4])).toBe(0.5)
    expect(qdrant.recallAt(2, ['3', '1', '2'], [1, 2, 3])).toBe(0.5)
    expect(qdrant.recallAt(5, ['1', '1'], [1, 2])).toBe(0.5)
    expect(qdrant.recallAt(5, ['1'], [1])).toBe(1)
  })

  it('recalls a share, and all of what was found exactly', () => {
    fc.assert(
      fc.property(
        fc.uniqueArray(fc.nat(50), { minLength: 1 }),
        fc.array(fc.nat(50)),
        fc.integer({ min: 1, max: 20 }),
        (truth, found, k) => {
          const recall = qdrant.recallAt(k, found.map(String), truth)
          expect(recall).toBeGreaterThanOrEqual(0)
          expect(recall).toBeLessThanOrEqual(1)
          expect(qdrant.recallAt(k, truth.map(String), truth)).toBe(1)
        },
      ),
    )
  })
})

describe('any HTTP service', () => {
  it('gets the query as JSON text wherever the template says, whatever is in it', () => {
    fc.assert(
      fc.property(fc.string(), (query) => {
        const body = http.body({ query }, target({ body: '{"a": {{query}}, "b": [{{query}}]}' }))
        expect(json(body)).toEqual({ a: query, b: [query] })
      }),
    )
  })

  it('has its answer where the path says', () => {
    expect(http.parsePath("$.a-b[2]['c d'].e")).toEqual(['a-b', 2, 'c d', 'e'])
    expect(http.parsePath('$')).toEqual([])
    for (const path of ['answer', '$answer', '$.', '$[x]', '$.a['])
      expect(() => http.parsePath(path)).toThrow()
  })

  it.each([
    ['{"answer":"yes"}', '$.answer', true],
    ['{"choices":[{"text":"yes"}]}', '$.choices[0].text', true],
    ['{"answer":0}', '$.answer', true],
    ['{"answer":""}', '$.answer', false],
    ['{"answer":null}', '$.answer', false],
    ['{"answer":[]}', '$.answer', false],
    ['{"other":"yes"}', '$.answer', false],
    ['{"answer":"yes"}', '$.constructor', false],
    ['"text"', '$', true],
    ['oops', '$', false],
    [null, '$', false],
  ])('whether %s answers at %s: %s', (body, path, expected) => {
    expect(http.answers(body, http.parsePath(path))).toBe(expected)
  })

  it('finds what was put at any path', () => {
    const key = fc.oneof(fc.stringMatching(/^[A-Za-z_][\w-]{0,8}$/), fc.nat(5))
    fc.assert(
      fc.property(fc.array(key, { maxLength: 5 }), (keys) => {
        const path = keys.reduce<string>(
          (text, part) => text + (typeof part === 'number' ? `[${part}]` : `.${part}`),
          '$',
        )
        const value = keys.reduceRight<unknown>(
          (inner, part) =>
            typeof part === 'number'
              ? Array.from({ length: part + 1 }, () => inner)
              : { ['__proto__x']: 0, [part]: inner },
          'yes',
        )
        expect(http.parsePath(path)).toEqual(keys)
        expect(http.answers(JSON.stringify(value), keys)).toBe(true)
      }),
    )
  })
})

describe('the reference gateway', () => {
  it('is asked for a stream unless told otherwise', () => {
    expect(json(ragscale.queryBody({ query: 'q' }, target({ topK: 5, outputTokens: 9 })))).toEqual({
      query: 'q',
      stream: true,
      topK: 5,
      maxTokens: 9,
    })
    expect(json(ragscale.queryBody({ query: 'q' }, target({ stream: false })))).toEqual({
      query: 'q',
      stream: false,
    })
    expect(ragscale.accept(target())).toEqual({ accept: 'text/event-stream' })
    expect(ragscale.accept(target({ stream: false }))).toEqual({ accept: 'application/json' })
  })
})
