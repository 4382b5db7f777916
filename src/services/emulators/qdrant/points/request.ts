import { isObject } from '../wire/json.ts'
import { pointIdJson, pointIdOf, type PointId } from '../wire/point-id.ts'
import type { OrderBy, Shown } from '../storage/read.ts'

/** Points to find: the nearest to a vector, or by a payload value, or by id. */
export interface FindRequest {
  readonly vector: Float32Array | null
  readonly order: OrderBy | null
  /** Without a vector or an order: from this id on. */
  readonly from: PointId | null
  readonly limit: number
  readonly filter: unknown
  readonly threshold: number | null
  readonly exact: boolean
  readonly ef: number | null
  readonly shown: Shown
}

/** What one node asks of another about shards that the other holds. */
export type ReadRequest =
  | { readonly kind: 'find'; readonly finds: readonly FindRequest[] }
  | { readonly kind: 'points'; readonly ids: readonly PointId[]; readonly shown: Shown }
  | { readonly kind: 'count'; readonly filter: unknown }
  | { readonly kind: 'info' }

/** Where a read goes: shards of one collection, all on the node that is asked. */
export interface ShardsRead {
  /** The collection's own name, never an alias. */
  readonly collection: string
  readonly shards: readonly number[]
  readonly read: ReadRequest
}

export function encodeRead(read: ShardsRead): string {
  return JSON.stringify(read, (_key, value: unknown) => {
    if (value instanceof Float32Array) {
      return { f32: Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString('base64') }
    }
    return typeof value === 'bigint' ? pointIdJson(value) : value
  })
}

/** `plain`: parsed JSON, its large numbers kept. */
export function decodeRead(plain: unknown): ShardsRead {
  const whole = plain as ShardsRead
  const { read } = whole
  if (read.kind === 'points') return { ...whole, read: { ...read, ids: read.ids.map((id) => pointIdOf(id)) } }
  if (read.kind !== 'find') return whole
  const finds = read.finds.map((find) => ({
    ...find,
    vector: vectorOf(find.vector),
    from: find.from === null ? null : pointIdOf(find.from),
  }))
  return { ...whole, read: { ...read, finds } }
}

function vectorOf(value: unknown): Float32Array | null {
  if (!isObject(value)) return null
  const bytes = Buffer.from(value['f32'] as string, 'base64')
  // A pooled buffer may begin at any byte; single precision must not.
  return new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length))
}
