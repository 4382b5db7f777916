import { chunk, defaultChunkSize } from './chunk.ts'
import type { ChunkSize } from './chunk.ts'
import { findFiles, readDocuments } from './document.ts'
import type { Document } from './document.ts'
import type { Embedder } from './embedder.ts'
import { pointId } from './point.ts'
import type { Payload } from './point.ts'
import type { StoredPoint, VectorStore } from './store.ts'

export interface IngestSummary {
  readonly found: number
  readonly added: number
  readonly changed: number
  readonly unchanged: number
  readonly removed: number
  readonly chunks: number
}

export interface IngestProgress extends IngestSummary {
  /** Files read so far, of all. */
  readonly filesRead: number
  readonly files: number
}

export interface IngestOptions {
  readonly folder: string
  /** The folder's name in the collection: documents of another root are left alone. */
  readonly root: string
  readonly embed: Embedder
  readonly store: VectorStore
  readonly chunkSize?: ChunkSize
  /** Chunks embedded in one request; TEI takes 32 unless told otherwise. */
  readonly batch?: number
  /** Batches under way at once: what bounds memory. */
  readonly concurrency?: number
  readonly onProgress?: (progress: IngestProgress) => void
  readonly signal: AbortSignal
}

interface Piece {
  readonly payload: Payload
  readonly document: OpenDocument
}

/** A document some of whose chunks are not written yet. */
interface OpenDocument {
  readonly source: string
  readonly chunks: number
  readonly isChanged: boolean
  /** Chunks other than the first that are still to be written. */
  open: number
  readonly first: Piece['payload']
}

/**
 * Documents → chunks → embeddings → points. Every document's first chunk is written last and carries its
 * hash, so a run that was killed is taken up where it was: complete documents are skipped, half-written ones
 * are written again under the same ids. Memory is bounded by `batch × concurrency` chunks and one file.
 */
export async function ingestFolder(options: IngestOptions): Promise<IngestSummary> {
  const { folder, root, store, signal } = options
  const batchSize = options.batch ?? 32
  const concurrency = options.concurrency ?? 4
  const files = await findFiles(folder)
  const known = await store.completeDocuments(root)
  const counts = {
    found: 0,
    added: 0,
    changed: 0,
    unchanged: 0,
    removed: 0,
    chunks: 0,
    filesRead: 0,
    files: files.length,
  }
  const report = (): void => options.onProgress?.({ ...counts })
  const seen = new Set<string>()
  const waiting: Piece[] = []
  const underWay = new Set<Promise<void>>()
  let failure: unknown

  const write = async (pieces: readonly Piece[]): Promise<void> => {
    const vectors = await options.embed(
      pieces.map(({ payload }) => payload.text),
      signal,
    )
    const points = pieces.map(({ payload }, index): StoredPoint => ({
      id: pointId(root, payload.source, payload.chunk),
      vector: vectors[index] ?? [],
      payload,
    }))
    await store.upsert(points)
    counts.chunks += pieces.length
    for (const piece of pieces) await settle(piece)
    report()
  }

  /** Once all its other chunks are written, a document's first chunk may be. */
  const settle = async ({ payload, document }: Piece): Promise<void> => {
    if (payload.chunk === 0) {
      if (document.isChanged) counts.changed++
      else counts.added++
      return
    }
    document.open--
    if (document.open === 0) await complete(document)
  }

  const complete = async (document: OpenDocument): Promise<void> => {
    if (document.isChanged) await store.removeChunks(root, document.source, document.chunks)
    waiting.push({ payload: document.first, document })
  }

  const start = (pieces: readonly Piece[]): void => {
    const task = write(pieces)
      .catch((error: unknown) => {
        failure ??= error
      })
      .finally(() => underWay.delete(task))
    underWay.add(task)
  }

  const pump = async (isLast: boolean): Promise<void> => {
    const least = isLast ? 1 : batchSize
    while (waiting.length >= least) {
      if (underWay.size >= concurrency) await Promise.race(underWay)
      if (failure !== undefined) break
      signal.throwIfAborted()
      start(waiting.splice(0, batchSize))
    }
  }

  try {
    for (const file of files) {
      for await (const document of readDocuments(folder, file)) {
        counts.found++
        seen.add(document.source)
        if (known.get(document.source) === document.hash) {
          counts.unchanged++
          continue
        }
        const open = openDocument(
          document,
          root,
          known.has(document.source),
          options.chunkSize ?? defaultChunkSize,
        )
        waiting.push(...open.pieces)
        if (open.pieces.length === 0) await complete(open.document)
        await pump(false)
        if (failure !== undefined) throw failure
      }
      counts.filesRead++
      report()
    }
    // Writing the last chunks lets first chunks be written, which are then the last.
    while (waiting.length > 0 || underWay.size > 0) {
      await pump(true)
      await Promise.race(underWay)
      if (failure !== undefined) throw failure
    }
    for (const source of known.keys()) {
      if (seen.has(source)) continue
      signal.throwIfAborted()
      await store.removeChunks(root, source, 0)
      counts.removed++
      report()
    }
  } finally {
    await Promise.allSettled(underWay)
  }
  const { filesRead: _, files: __, ...summary } = counts
  return summary
}

/** A document's chunks but the first, which waits for the others. */
function openDocument(
  { source, text, hash }: Document,
  root: string,
  isChanged: boolean,
  size: ChunkSize,
): { document: OpenDocument; pieces: Piece[] } {
  const texts = chunk(text, size)
  const payloads = texts.map((part, index): Payload => ({
    text: part,
    source,
    root,
    chunk: index,
    chunks: texts.length,
    hash,
  }))
  const first = payloads[0] ?? { text: '', source, root, chunk: 0, chunks: 0, hash }
  const document: OpenDocument = {
    source,
    chunks: payloads.length,
    isChanged,
    open: payloads.length - 1,
    first,
  }
  return { document, pieces: payloads.slice(1).map((payload) => ({ payload, document })) }
}
