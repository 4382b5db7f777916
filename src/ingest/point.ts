import { createHash } from 'node:crypto'

/** What is stored beside each vector; the gateway reads `text` and `source`. */
export interface Payload {
  readonly text: string
  readonly source: string
  /** Which folder the document came from, so that a document deleted there can be told from another's. */
  readonly root: string
  readonly chunk: number
  readonly chunks: number
  /** Of the whole document. Chunk 0 is written last, so its hash says that the document is complete. */
  readonly hash: string
}

/** The same chunk of the same document always has the same id (a UUID), so writing it again replaces it. */
export function pointId(root: string, source: string, chunk: number): string {
  const hex = createHash('sha256')
    .update(JSON.stringify([root, source, chunk]))
    .digest('hex')
  // Version 8 (RFC 9562): the bits are ours to choose.
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-8${hex.slice(13, 16)}-a${hex.slice(17, 20)}-${hex.slice(20, 32)}`
}
