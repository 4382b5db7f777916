import type { PeerId } from '../cluster/peer.ts'
import { QdrantError } from '../errors.ts'

/** An encoded operation and the shard that it is for. */
export interface WritePart {
  readonly shard: number
  readonly operation: Buffer
}

/** The operation's number on a replica, or why it was not taken. */
export type WriteResult = number | QdrantError

/** Operations on replicas of one node. */
export interface ReplicaWrite {
  readonly collection: string
  readonly parts: readonly WritePart[]
  /** The peer that transfers, or has just transferred, the shard to here; null for what a client asked for. */
  readonly from: PeerId | null
}

interface Header {
  readonly collection: string
  readonly from: PeerId | null
  readonly parts: readonly { readonly shard: number; readonly bytes: number }[]
}

/** Length of the header, the header as JSON, then the operations end to end. */
export function encodeWrite({ collection, parts, from }: ReplicaWrite): Buffer {
  const header: Header = {
    collection,
    from,
    parts: parts.map(({ shard, operation }) => ({ shard, bytes: operation.length })),
  }
  const text = Buffer.from(JSON.stringify(header))
  const length = Buffer.allocUnsafe(4)
  length.writeUInt32LE(text.length)
  return Buffer.concat([length, text, ...parts.map(({ operation }) => operation)])
}

export function decodeWrite(encoded: Buffer): ReplicaWrite {
  let at = 4 + encoded.readUInt32LE(0)
  const header = JSON.parse(encoded.toString('utf8', 4, at)) as Header
  const parts = header.parts.map(({ shard, bytes }) => ({
    shard,
    operation: encoded.subarray(at, (at += bytes)),
  }))
  return { collection: header.collection, parts, from: header.from }
}

export function encodeWriteReply(results: readonly WriteResult[]): string {
  return JSON.stringify(
    results.map((result) =>
      typeof result === 'number' ? result : { status: result.status, message: result.message },
    ),
  )
}

export function decodeWriteReply(encoded: Buffer): WriteResult[] {
  const results = JSON.parse(encoded.toString()) as (number | { status: number; message: string })[]
  return results.map((result) =>
    typeof result === 'number' ? result : new QdrantError(result.status, result.message),
  )
}
