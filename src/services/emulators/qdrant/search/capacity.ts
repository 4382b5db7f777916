import type { Emulation } from '../../../../stack/stack.ts'

/**
 * What an exact search of a shard costs the machine that emulates it, as measured with `bench/qdrant-search` on
 * one unhurried core of 2026: a fixed part, and nanoseconds for each coordinate.
 */
const fixedMs = 0.01
const nanosecondsPerCoordinate = 0.25

/** An answer that leaves up to 1 ms late still counts as on time; a shard may take this much of that. */
const toleratedMs = 0.25

/** Real milliseconds of one search over a shard of so many points, on a machine with nothing else to do. */
export function realSearchMs(points: number, dimensions: number): number {
  return fixedMs + (points * dimensions * nanosecondsPerCoordinate) / 1e6
}

/** Modelled milliseconds, on average, of one search over a shard of so many points. */
export function modelledSearchMs(emulation: Emulation, points: number): number {
  if (emulation.model === 'search') return emulation.baseMs + (emulation.msPerMillionPoints * points) / 1e6
  if (emulation.model === 'fifo') return emulation.law.meanMs
  throw new Error(`a vector node is emulated by the model search or fifo, not ${emulation.model}`)
}

/**
 * The largest shard that can be searched within its modelled time; Infinity when the model outgrows the work.
 * It bounds what the emulator can stand for at all: on a busy machine less may already run late, which each
 * node tells of itself as its overrun.
 */
export function largestShard(emulation: Emulation, dimensions: number): number {
  const spareMs = modelledSearchMs(emulation, 0) + toleratedMs - realSearchMs(0, dimensions)
  const perPointMs = realSearchMs(1, dimensions) - realSearchMs(0, dimensions)
  const modelledPerPointMs = modelledSearchMs(emulation, 1) - modelledSearchMs(emulation, 0)
  if (modelledPerPointMs >= perPointMs) return Infinity
  return Math.floor(spareMs / (perPointMs - modelledPerPointMs))
}
