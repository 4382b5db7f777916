/** All points of a collection into another one, until both hold the same. */
import { setTimeout as sleep } from 'node:timers/promises'
import { z } from 'zod'
import { ExitCode, UserError } from '../../errors.ts'
import { type NodeAddress, callText, persistently, answered } from './call.ts'
import { parseExact, sameJson } from './exact-json.ts'

export interface CopyProgress {
  /** From 1; the last one finds nothing to do. */
  readonly pass: number
  /** Points looked at in this pass, and how many there were when it began. */
  readonly done: number
  readonly total: number
  readonly written: number
}

export interface CopyOptions {
  readonly nodes: readonly NodeAddress[]
  readonly from: string
  readonly to: string
  /** Points that may be written a second; null: as many as go. */
  readonly throttle: number | null
  readonly signal: AbortSignal
  /** How long a call is made again while nodes are lost, ms. */
  readonly patienceMs: number
  readonly onProgress: (progress: CopyProgress) => void
  /** What is waited for meanwhile, in sentences. */
  readonly onNotice: (text: string) => void
}

const page = 256
/** Passes after which points still differ: somebody writes faster than they are copied. */
const mostPasses = 5
/** A normalised vector is normalised again when it is written: the last bits of a float32 may change. */
const vectorTolerance = 1e-5

const pointId = z.union([
  z.string(),
  z.number(),
  z.custom<object>((value) => typeof value === 'object' && value !== null),
])
const point = z.object({ id: pointId, payload: z.unknown().optional(), vector: z.unknown().optional() })
type Point = z.output<typeof point>
const scrolled = z.object({
  result: z.object({ points: z.array(point), next_page_offset: pointId.nullish() }),
})
const retrieved = z.object({ result: z.array(point) })
const counted = z.object({ result: z.object({ count: z.number() }) })

/**
 * Passes over the source, writing what is missing or differs and removing what is not there any more, until one
 * pass finds nothing: then every point, payload and vector was compared. Run again after a kill it goes on, for
 * what is the same already is only read.
 * @returns points that both hold
 * @throws UserError (exit 4) when writes arrive faster than they are copied; the signal's reason
 */
export async function copyPoints(options: CopyOptions): Promise<number> {
  const { from, to } = options
  for (let pass = 1; pass <= mostPasses; pass++) {
    const total = await countOf(from, options)
    const written = await passOver(pass, total, options)
    const removed = await removeStrays(options)
    const [had, has] = [await countOf(from, options), await countOf(to, options)]
    if (written + removed === 0 && had === has) return has
  }
  throw new UserError(
    `${from} changes faster than it is copied to ${to}: after ${mostPasses} passes they still differ`,
    {
      hint: 'Stop what writes (ragscale ingest, workers), then run the same command again: it goes on from here.',
      exitCode: ExitCode.unhealthy,
      code: 'unhealthy',
    },
  )
}

async function passOver(pass: number, total: number, options: CopyOptions): Promise<number> {
  const { from, to, throttle, signal, onProgress } = options
  let [done, written] = [0, 0]
  const startMs = performance.now()
  for await (const points of pagesOf(from, true, page, options)) {
    const present = new Map((await retrieve(to, points, true, options)).map((one) => [keyOf(one), one]))
    const differing = points.filter((one) => !isSame(one, present.get(keyOf(one))))
    if (differing.length > 0) {
      await ask('PUT', `${pathOf(to)}/points?wait=true`, { points: differing.map(toWrite) }, options)
    }
    done += points.length
    written += differing.length
    onProgress({ pass, done, total: Math.max(total, done), written })
    const aheadMs = throttle === null ? 0 : startMs + (written / throttle) * 1000 - performance.now()
    if (aheadMs > 0) await sleep(aheadMs, undefined, { signal })
  }
  return written
}

/** Takes out of the copy what was removed from the source since. */
async function removeStrays(options: CopyOptions): Promise<number> {
  let removed = 0
  for await (const points of pagesOf(options.to, false, 4 * page, options)) {
    const there = new Set((await retrieve(options.from, points, false, options)).map(keyOf))
    const strays = points.filter((one) => !there.has(keyOf(one))).map(({ id }) => id)
    if (strays.length === 0) continue
    await ask('POST', `${pathOf(options.to)}/points/delete?wait=true`, { points: strays }, options)
    removed += strays.length
  }
  return removed
}

async function* pagesOf(
  collection: string,
  whole: boolean,
  limit: number,
  options: CopyOptions,
): AsyncGenerator<readonly Point[]> {
  let offset: Point['id'] | null = null
  do {
    const body = { limit, with_payload: whole, with_vector: whole, ...(offset === null ? {} : { offset }) }
    const answer: z.output<typeof scrolled> = answered(
      scrolled,
      await ask('POST', `${pathOf(collection)}/points/scroll`, body, options),
    )
    const { points, next_page_offset: next } = answer.result
    if (points.length > 0) yield points
    offset = next ?? null
  } while (offset !== null)
}

async function retrieve(collection: string, points: readonly Point[], whole: boolean, options: CopyOptions) {
  const body = { ids: points.map(({ id }) => id), with_payload: whole, with_vector: whole }
  return answered(retrieved, await ask('POST', `${pathOf(collection)}/points`, body, options)).result
}

async function countOf(collection: string, options: CopyOptions): Promise<number> {
  const body = { exact: true }
  return answered(counted, await ask('POST', `${pathOf(collection)}/points/count`, body, options)).result
    .count
}

/** Every call here may be made twice without harm. */
async function ask(
  method: 'PUT' | 'POST',
  path: string,
  body: object,
  { nodes, patienceMs, signal, onNotice }: CopyOptions,
): Promise<unknown> {
  const text = JSON.stringify(body)
  return await persistently(
    nodes,
    async (node) => parseExact(await callText(node, method, path, { body: text, timeoutMs: 30_000 })),
    { patienceMs, signal, onNotice },
  )
}

const pathOf = (collection: string): string => `/collections/${encodeURIComponent(collection)}`

/** A number that JavaScript cannot hold is an object here, and its text a key like any other. */
const keyOf = ({ id }: Point): string => JSON.stringify(id)

function toWrite({ id, payload, vector }: Point): object {
  return { id, payload: payload ?? {}, vector: vector ?? {} }
}

function isSame(one: Point, other: Point | undefined): boolean {
  return (
    other !== undefined &&
    sameJson(one.payload ?? {}, other.payload ?? {}) &&
    sameJson(one.vector ?? {}, other.vector ?? {}, vectorTolerance)
  )
}
