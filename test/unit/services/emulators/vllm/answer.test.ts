import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { answerTo } from '../../../../../src/services/emulators/vllm/answer.ts'
import { promptBlocks, promptTokens } from '../../../../../src/services/emulators/vllm/tokenized.ts'

const overhead = { part: 4, end: 4 }
const prompt = (...texts: string[]) => ({
  parts: texts.map((text, index) => ({ role: index === 0 ? 'system' : 'user', text })),
  overhead,
})
const context = 'vLLM listens on port 8000. Qdrant listens on port 6333. Cats sleep for most of the day.'

describe('a generated answer', () => {
  it('is drawn from the context, the sentence that fits the question first', () => {
    const { text, finishReason } = answerTo(
      prompt('Answer.', `${context}\n\nQuestion: On which port does Qdrant listen?`),
      { maxTokens: null, stop: [] },
    )
    expect(text.startsWith('Qdrant listens on port 6333.')).toBe(true)
    expect(finishReason).toBe('stop')
  })

  it('says so when nothing in the context fits', () => {
    expect(
      answerTo(prompt('Answer.', `${context}\nQuestion: Who wrote Faust?`), { maxTokens: null, stop: [] })
        .text,
    ).toMatch(/does not say/)
  })

  it('has exactly as many tokens as were asked for, which joined are its text', () => {
    fc.assert(
      fc.property(
        fc.lorem({ mode: 'sentences', maxCount: 5 }),
        fc.integer({ min: 1, max: 200 }),
        (text, maxTokens) => {
          const answer = answerTo(prompt(text, `Question: ${text.split(' ')[0]}`), { maxTokens, stop: [] })
          expect(answer.tokens).toHaveLength(maxTokens)
          expect(answer.tokens.join('')).toBe(answer.text)
          expect(answer.finishReason).toBe('length')
        },
      ),
    )
  })

  it('ends before a stop string, and names it', () => {
    const answer = answerTo(prompt(context, 'Question: port of Qdrant?'), {
      maxTokens: 40,
      stop: ['never', ' port'],
    })
    expect(answer).toMatchObject({ text: 'Qdrant listens on', finishReason: 'stop', stopReason: ' port' })
    expect(answer.tokens.join('')).toBe(answer.text)
    expect(
      answerTo(prompt(context, 'Question: port of Qdrant?'), { maxTokens: 40, stop: ['Qdrant'] }).tokens,
    ).toEqual([''])
  })
})

describe('a prompt’s blocks', () => {
  it('are as many as it has full ones', () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 500 }), fc.string({ maxLength: 500 }), (a, b) => {
        expect(promptBlocks(prompt(a, b))).toHaveLength(Math.floor(promptTokens(prompt(a, b)) / 16))
      }),
    )
  })

  it('are the same as far as two prompts begin alike, and differ from there on', () => {
    const words = Array.from({ length: 100 }, (_, index) => `w${index}`)
    const [a, b] = [
      promptBlocks(prompt(words.join(' '))),
      promptBlocks(prompt([...words.slice(0, 60), 'other', ...words.slice(61)].join(' '))),
    ]
    const same = a.findIndex((block, index) => block !== b[index])
    expect(same).toBeGreaterThan(0)
    expect(same).toBeLessThan(a.length - 1)
    for (let index = same; index < a.length; index++) expect(a[index]).not.toBe(b[index])
  })
})
