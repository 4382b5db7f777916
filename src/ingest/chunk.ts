export interface ChunkSize {
  /** Words at the most in a chunk. English has about 1.3 tokens a word: 180 words stay below 256 tokens. */
  readonly words: number
  /** Words that a chunk repeats from the end of the one before, so that no sentence loses its neighbour. */
  readonly overlap: number
}

export const defaultChunkSize: ChunkSize = { words: 180, overlap: 30 }

/**
 * Splits a text into chunks of whole paragraphs where they fit, else of whole sentences, else of words. Every
 * word of the text is in at least one chunk, in order; each chunk has at most `words` words.
 */
export function chunk(text: string, size: ChunkSize = defaultChunkSize): string[] {
  const pieces = text
    .split(/\n\s*\n/)
    .map((paragraph) => paragraph.trim())
    .filter((paragraph) => paragraph !== '')
    .flatMap((paragraph) => pack(paragraph, size.words - size.overlap))
  const chunks: string[] = []
  let current: string[] = []
  let count = 0
  for (const piece of pieces) {
    const words = countWords(piece)
    if (count + words > size.words && count > 0) {
      chunks.push(current.join('\n\n'))
      const tail = lastWords(current.join('\n\n'), Math.min(size.overlap, size.words - words))
      current = tail === '' ? [] : [tail]
      count = countWords(tail)
    }
    current.push(piece)
    count += words
  }
  if (current.length > 0) chunks.push(current.join('\n\n'))
  return chunks
}

/** A paragraph as pieces of at most `limit` words: itself, its sentences, or runs of its words. */
function pack(paragraph: string, limit: number): string[] {
  if (countWords(paragraph) <= limit) return [paragraph]
  const pieces: string[] = []
  let current: string[] = []
  for (const sentence of paragraph.split(/(?<=[.!?…])\s+/)) {
    for (const run of runsOf(
      sentence.split(/\s+/).filter((word) => word !== ''),
      limit,
    )) {
      if (current.length + run.length > limit) {
        pieces.push(current.join(' '))
        current = []
      }
      current.push(...run)
    }
  }
  if (current.length > 0) pieces.push(current.join(' '))
  return pieces
}

function runsOf(words: readonly string[], limit: number): string[][] {
  const runs: string[][] = []
  for (let from = 0; from < words.length; from += limit) runs.push(words.slice(from, from + limit))
  return runs
}

function countWords(text: string): number {
  return text.match(/\S+/g)?.length ?? 0
}

function lastWords(text: string, count: number): string {
  return count <= 0 ? '' : (text.match(/\S+/g) ?? []).slice(-count).join(' ')
}
