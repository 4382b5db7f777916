import { parseExact, type Payload } from '../wire/json.ts'
import { pointIdJson, pointIdOf, type PointId } from '../wire/point-id.ts'

export interface NewPoint {
  readonly id: PointId
  /** As it is stored: prepared for the shard's metric. */
  readonly vector: Float32Array
  readonly payload: Payload | null
}

/** A point as a replica or a log holds it, with the number of the operation that last changed it. */
export interface StoredPoint extends NewPoint {
  readonly version: number
}

/** Which points an operation is about. */
export type PointSelection =
  | { readonly ids: readonly PointId[] }
  | { readonly filter: unknown; /** Fields with a full-text index. */ readonly textFields: readonly string[] }

export type UpsertMode = 'upsert' | 'insert_only' | 'update_only'

/** One change of one shard: what replicas send each other, and what their logs hold. */
export type ShardOperation =
  | { readonly kind: 'upsert'; readonly points: readonly NewPoint[]; readonly mode: UpsertMode }
  | { readonly kind: 'vectors'; readonly points: readonly NewPoint[] }
  | { readonly kind: 'delete'; readonly select: PointSelection }
  | {
      readonly kind: 'set_payload'
      readonly select: PointSelection
      readonly payload: Payload
      readonly key?: string | undefined
    }
  | { readonly kind: 'overwrite_payload'; readonly select: PointSelection; readonly payload: Payload }
  | { readonly kind: 'delete_payload'; readonly select: PointSelection; readonly keys: readonly string[] }
  | { readonly kind: 'clear_payload'; readonly select: PointSelection }
  /** A payload index was made or dropped: nothing changes here but the number. */
  | { readonly kind: 'index' }
  /** Points as another replica holds them: transfers, and compacted logs. */
  | { readonly kind: 'restore'; readonly points: readonly StoredPoint[] }
  /** An empty shard: the beginning of a transfer into it. */
  | { readonly kind: 'reset' }
  /** What the next operation counts on from: the end of a transfer, or of a compacted log. */
  | { readonly kind: 'continue'; readonly from: number }

interface Header {
  readonly operation: Record<string, unknown>
  readonly dimensions: number
}

/** Length of the header, the header as JSON, then the vectors end to end as little-endian single precision. */
export function encodeOperation(operation: ShardOperation): Buffer {
  const points: readonly (NewPoint & { version?: number })[] = 'points' in operation ? operation.points : []
  const dimensions = points[0]?.vector.length ?? 0
  const plain: Record<string, unknown> = { ...operation }
  if ('points' in operation) {
    plain['points'] = points.map(({ id, payload, version }) => [pointIdJson(id), payload, version])
  }
  if ('select' in operation && 'ids' in operation.select) {
    plain['select'] = { ids: operation.select.ids.map(pointIdJson) }
  }
  const header = Buffer.from(JSON.stringify({ operation: plain, dimensions } satisfies Header))
  const encoded = Buffer.allocUnsafe(4 + header.length + 4 * dimensions * points.length)
  encoded.writeUInt32LE(header.length, 0)
  header.copy(encoded, 4)
  let at = 4 + header.length
  for (const { vector } of points) {
    encoded.set(new Uint8Array(vector.buffer, vector.byteOffset, vector.byteLength), at)
    at += vector.byteLength
  }
  return encoded
}

/** Throws when the bytes are not an operation; vectors are copies. */
export function decodeOperation(encoded: Buffer): ShardOperation {
  const headerEnd = 4 + encoded.readUInt32LE(0)
  const header = parseExact(encoded.toString('utf8', 4, headerEnd)) as Header
  const operation = header.operation as unknown as ShardOperation
  if ('points' in operation) {
    const rows = operation.points as unknown as [unknown, Payload | null, number?][]
    const vectorBytes = 4 * header.dimensions
    const points = rows.map(([id, payload, version], index) => {
      const start = encoded.byteOffset + headerEnd + index * vectorBytes
      const vector = new Float32Array(encoded.buffer.slice(start, start + vectorBytes) as ArrayBuffer)
      return { id: pointIdOf(id), payload, vector, ...(version == null ? {} : { version }) }
    })
    return { ...operation, points } as ShardOperation
  }
  if ('select' in operation && 'ids' in operation.select) {
    return { ...operation, select: { ids: operation.select.ids.map(pointIdOf) } }
  }
  return operation
}
