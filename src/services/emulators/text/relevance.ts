import { dot } from './embedding.ts'
import type { Embedder } from './embedding.ts'
import { isFunctionWord, wordsOf } from './words.ts'

/** The words of a text that say what it is about. */
export function contentWords(text: string): Set<string> {
  return new Set(wordsOf(text).filter((word) => !isFunctionWord(word)))
}

/** The share of `wanted` that `text` has, 0 … 1; 0 when nothing is wanted. */
export function coverage(wanted: ReadonlySet<string>, text: string): number {
  if (wanted.size === 0) return 0
  const had = new Set(wordsOf(text))
  let found = 0
  for (const word of wanted) if (had.has(word)) found++
  return found / wanted.size
}

/** A raw score (a logit) of each text for the query: from about −4, unrelated, to about 6, the query itself. */
export function rerankScore(query: string, texts: readonly string[], embedder: Embedder): number[] {
  const wanted = contentWords(query)
  const vector = embedder.embed(query)
  return texts.map((text) => 5 * coverage(wanted, text) + 5 * dot(vector, embedder.embed(text)) - 4)
}

export function sigmoid(logit: number): number {
  return 1 / (1 + Math.exp(-logit))
}
