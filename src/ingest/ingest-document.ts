import { createHash } from 'node:crypto'
import { chunk, defaultChunkSize } from './chunk.ts'
import type { Embedder } from './embedder.ts'
import { pointId } from './point.ts'
import type { VectorStore } from './store.ts'

/**
 * Writes one document: its chunks in batches, what an older and longer version left behind removed, the first
 * chunk last (see `ingestFolder`). Returns the number of chunks.
 */
export async function ingestDocument(
  given: { root: string; source: string; text: string },
  parts: { embed: Embedder; store: VectorStore; batch?: number; signal: AbortSignal },
): Promise<number> {
  const { root, source, text } = given
  const batch = parts.batch ?? 32
  const hash = createHash('sha256').update(text).digest('hex')
  const texts = chunk(text, defaultChunkSize)
  const write = async (from: number, to: number): Promise<void> => {
    const some = texts.slice(from, to)
    if (some.length === 0) return
    const vectors = await parts.embed(some, parts.signal)
    await parts.store.upsert(
      some.map((part, index) => ({
        id: pointId(root, source, from + index),
        vector: vectors[index] ?? [],
        payload: { text: part, source, root, chunk: from + index, chunks: texts.length, hash },
      })),
    )
  }
  for (let from = 1; from < texts.length; from += batch)
    await write(from, Math.min(from + batch, texts.length))
  await parts.store.removeChunks(root, source, texts.length)
  await write(0, 1)
  return texts.length
}
