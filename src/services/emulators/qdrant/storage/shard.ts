import { QdrantError, notFound, serviceError } from '../errors.ts'
import { compileFilter, type Predicate } from '../filter/filter.ts'
import type { Distance } from '../search/distance.ts'
import type { Payload } from '../wire/json.ts'
import { pointIdText, type PointId } from '../wire/point-id.ts'
import { decodeOperation, encodeOperation, type PointSelection, type ShardOperation } from './operation.ts'
import { setPayload, withoutKeys } from './payload.ts'
import { Points } from './points.ts'
import { RecordLog } from './record-log.ts'

/** Points in one record of a compacted log, and in one page of a transfer. */
export const pageSize = 100

export interface ShardOptions {
  readonly dimensions: number
  readonly distance: Distance
  readonly file: string
  /** Points that this node may hold in all, and how many it holds: an upsert beyond is refused. */
  readonly room?: (adding: number) => void
}

/** One replica of a shard: its points in memory, every change in its log first. */
export class Shard {
  readonly points: Points
  readonly #log: RecordLog
  readonly #room: ((adding: number) => void) | undefined
  #operationNumber = 0
  /** Points written to the log, whether they still live or not: what compaction is decided by. */
  #written = 0

  constructor(options: ShardOptions) {
    this.points = new Points(options.dimensions, options.distance)
    this.#room = options.room
    this.#log = RecordLog.open(options.file, (record) => this.#change(decodeOperation(record)))
    if (this.#written > 2 * this.points.count + 10 * pageSize) this.#compact()
  }

  /** The number of the last operation; each counts one up, on every replica alike. */
  get operationNumber(): number {
    return this.#operationNumber
  }

  /** Keeps an operation and applies it; returns its number. Throws, and changes nothing, when it is refused. */
  apply(operation: ShardOperation): number {
    this.#check(operation)
    try {
      this.#log.append(encodeOperation(operation))
    } catch (error) {
      throw serviceError(`could not write ahead: ${error instanceof Error ? error.message : String(error)}`)
    }
    this.#change(operation)
    return this.#operationNumber
  }

  /** Ids that a selection names or matches, of those that are here. */
  select(selection: PointSelection): PointId[] {
    if ('ids' in selection) return selection.ids.filter((id) => this.points.indexOf(id) !== undefined)
    return this.matching(compileFilter(selection.filter, { textFields: new Set(selection.textFields) }))
  }

  matching(predicate: Predicate): PointId[] {
    const found: PointId[] = []
    for (let index = 0; index < this.points.count; index++) {
      const id = this.points.idAt(index)
      if (predicate(id, this.points.payloadAt(index))) found.push(id)
    }
    return found
  }

  close(): void {
    this.#log.close()
  }

  #check(operation: ShardOperation): void {
    if (operation.kind === 'upsert') {
      if (this.#room === undefined || operation.mode === 'update_only') return
      this.#room(
        operation.points.reduce((sum, { id }) => sum + (this.points.indexOf(id) === undefined ? 1 : 0), 0),
      )
      return
    }
    const named =
      operation.kind === 'vectors'
        ? operation.points.map(({ id }) => id)
        : operation.kind !== 'delete' && 'select' in operation && 'ids' in operation.select
          ? operation.select.ids
          : []
    const missed = named.find((id) => this.points.indexOf(id) === undefined)
    if (missed !== undefined)
      throw notFound(`No point with id ${pointIdText(missed).replaceAll('"', '')} found`)
  }

  #change(operation: ShardOperation): void {
    if (operation.kind === 'continue') {
      this.#operationNumber = operation.from
      return
    }
    if (operation.kind === 'reset') {
      this.points.clear()
      this.#operationNumber = 0
      return
    }
    if (operation.kind === 'restore') {
      for (const point of operation.points) this.points.put(point)
      this.#written += operation.points.length
      return
    }
    const version = ++this.#operationNumber
    switch (operation.kind) {
      case 'upsert':
        this.#written += operation.points.length
        for (const point of operation.points) {
          const exists = this.points.indexOf(point.id) !== undefined
          if (exists ? operation.mode === 'insert_only' : operation.mode === 'update_only') continue
          this.points.put({ ...point, version })
        }
        return
      case 'vectors':
        this.#written += operation.points.length
        for (const { id, vector } of operation.points)
          this.points.setVector(this.points.indexOf(id)!, vector, version)
        return
      case 'delete':
        for (const id of this.select(operation.select)) this.points.remove(id)
        return
      case 'set_payload':
        return this.#eachPayload(operation.select, version, (old) =>
          setPayload(old, operation.payload, operation.key),
        )
      case 'overwrite_payload':
        return this.#eachPayload(operation.select, version, () => operation.payload)
      case 'delete_payload':
        return this.#eachPayload(operation.select, version, (old) => withoutKeys(old, operation.keys))
      case 'clear_payload':
        return this.#eachPayload(operation.select, version, () => null)
      case 'index':
        return
    }
  }

  #eachPayload(select: PointSelection, version: number, next: (old: Payload | null) => Payload | null): void {
    for (const id of this.select(select)) {
      const index = this.points.indexOf(id)!
      this.points.setPayload(index, next(this.points.payloadAt(index)), version)
      this.#written++
    }
  }

  #compact(): void {
    const { points } = this
    const from = this.#operationNumber
    const pages = function* (): Generator<Buffer> {
      for (let start = 0; start < points.count; start += pageSize) {
        const size = Math.min(pageSize, points.count - start)
        yield encodeOperation({
          kind: 'restore',
          points: Array.from({ length: size }, (_, at) => points.at(start + at)),
        })
      }
      yield encodeOperation({ kind: 'continue', from })
    }
    this.#log.rewrite(pages())
    this.#written = points.count
  }
}

/** Whether an error says that this node does not hold the replica that it was asked for. */
export function saysNotHere(error: unknown): boolean {
  return (
    error instanceof QdrantError &&
    error.message.includes('Local shard') &&
    error.message.includes('not found')
  )
}

export const shardNotHere = (shard: number): QdrantError => serviceError(`Local shard ${shard} not found`)
