import fc from 'fast-check'
import { expect, test } from 'vitest'
import { chunk } from '../../../src/ingest/chunk.ts'

const size = { words: 20, overlap: 5 }
const words = (text: string): string[] => text.match(/\S+/g) ?? []

const texts = fc
  .array(fc.array(fc.stringMatching(/^[a-z]{1,8}[.!?]?$/), { minLength: 1, maxLength: 60 }), { maxLength: 6 })
  .map((paragraphs) => paragraphs.map((paragraph) => paragraph.join(' ')).join('\n\n'))

test('a short text is one chunk, as it is', () => {
  expect(chunk('One paragraph.\n\nAnother one.')).toEqual(['One paragraph.\n\nAnother one.'])
})

test('nothing but white space gives no chunk', () => {
  expect(chunk(' \n\n \t ')).toEqual([])
})

test('a long paragraph is split between sentences where it can be', () => {
  const sentences = Array.from({ length: 6 }, (_, index) => `Sentence ${index} has exactly six words.`)
  for (const part of chunk(sentences.join(' '), { words: 20, overlap: 0 })) expect(part).toMatch(/words\.$/)
})

test('no chunk is longer than it may be, and no word is lost', () => {
  fc.assert(
    fc.property(texts, (text) => {
      const chunks = chunk(text, size)
      for (const part of chunks) expect(words(part).length).toBeLessThanOrEqual(size.words)
      const rebuilt = chunks.flatMap((part, index) =>
        index === 0 ? words(part) : withoutOverlap(chunks[index - 1] ?? '', part),
      )
      expect(rebuilt).toEqual(words(text))
    }),
  )
})

/** The words of `part` without those it repeats from the end of `before`. */
function withoutOverlap(before: string, part: string): string[] {
  const [a, b] = [words(before), words(part)]
  for (let count = Math.min(size.overlap, a.length); count > 0; count--) {
    // The overlap stands in a paragraph of its own.
    if (part.startsWith(`${a.slice(-count).join(' ')}\n\n`)) return b.slice(count)
  }
  return b
}
