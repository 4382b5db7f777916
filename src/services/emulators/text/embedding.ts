import { isFunctionWord, wordsOf } from './words.ts'

/** How much each kind of feature weighs. A word's trigrams share one weight, so that long words are not louder. */
const weights = { word: 1, functionWord: 0.15, pair: 0.3, trigrams: 1.3 } as const

/**
 * Real vectors without a model: words, pairs of neighbouring words and the trigrams of each word, hashed with
 * a sign into `dimensions` places (Weinberger et al., "Feature hashing for large scale multitask learning",
 * 2009). Texts that share words, or stems, are near. Vectors of different models are unrelated.
 */
export class Embedder {
  readonly dimensions: number
  readonly #basis: number

  constructor(model: string, dimensions: number) {
    this.dimensions = dimensions
    this.#basis = hashText(0x811c9dc5, model)
  }

  /** Of length 1 when `normalize`, except for a text without a single word: its vector is that of the empty text. */
  embed(text: string, normalize = true): Float32Array {
    const vector = new Float32Array(this.dimensions)
    let previous = 0
    for (const word of wordsOf(text)) {
      const weak = isFunctionWord(word)
      const hash = hashText(this.#basis, word)
      this.#add(vector, hash, weak ? weights.functionWord : weights.word)
      if (!weak) this.#addTrigrams(vector, word)
      if (previous !== 0)
        this.#add(
          vector,
          mix(previous ^ Math.imul(hash, 0x9e3779b1)),
          weak ? weights.functionWord : weights.pair,
        )
      previous = hash
    }
    // A model gives every text a vector, be it empty.
    if (previous === 0) this.#add(vector, mix(this.#basis), 1)
    if (normalize) normalizeInPlace(vector)
    return vector
  }

  #addTrigrams(vector: Float32Array, word: string): void {
    const weight = weights.trigrams / Math.sqrt(word.length)
    let first = 94 // ^, which no word has: where it begins
    let second = word.charCodeAt(0)
    for (let index = 1; index <= word.length; index++) {
      const third = index === word.length ? 36 : word.charCodeAt(index) // $: where it ends
      const hash = Math.imul(
        Math.imul(Math.imul(this.#basis ^ first, 0x01000193) ^ second, 0x01000193) ^ third,
        0x01000193,
      )
      this.#add(vector, mix(hash), weight)
      first = second
      second = third
    }
  }

  #add(vector: Float32Array, hash: number, weight: number): void {
    const place = (hash >>> 1) % this.dimensions
    vector[place]! += (hash & 1) === 0 ? weight : -weight
  }
}

/** Cosine similarity of two vectors of length 1. */
export function dot(a: Float32Array, b: Float32Array): number {
  let sum = 0
  for (let index = 0; index < a.length; index++) sum += a[index]! * b[index]!
  return sum
}

export function normalizeInPlace(vector: Float32Array): void {
  const length = Math.sqrt(dot(vector, vector))
  if (length === 0) return
  for (let index = 0; index < vector.length; index++) vector[index]! /= length
}

/** FNV-1a over UTF-16 code units, then mixed. */
export function hashText(basis: number, text: string): number {
  let hash = basis
  for (let index = 0; index < text.length; index++)
    hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193)
  return mix(hash)
}

/** MurmurHash3's finalizer. */
function mix(value: number): number {
  let h = value
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b)
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35)
  return h ^ (h >>> 16)
}
