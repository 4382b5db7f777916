import type { Collection, ReplicaTier, VectorTier } from '../../stack/stack.ts'
import { type Timing, unknownTiming } from '../component.ts'

/**
 * Measured on Qdrant 1.18.3 with 20,000 points of 384 dimensions, top 10, m 16, one core's worth of
 * threads: 1.0 ms of CPU a search with one shard of all points, 2.55 ms with six of 3,333 each. A search
 * of HNSW grows with the logarithm of the points, so with a shard's time of `slope · ln(points) − offset`
 * and 0.2 ms for each further shard: 6 · t(3,333) + 5 · 0.2 = 2.55 and t(20,000) = 1.0.
 */
const slopeMs = 0.414
const offsetMs = 3.1
const leastMs = 0.15
const fanoutMs = 0.2
const measuredDimensions = 384

/** The share of a search's time that remains with a smaller copy of the vectors to search. */
const quantized: Readonly<Record<Collection['quantization'], number>> = {
  none: 1,
  scalar: 0.6,
  product: 0.9,
  binary: 0.4,
}

/** Search threads, one a core; a shard's time is the tangent at the declared number of points. */
export function qdrantTiming(tier: ReplicaTier | VectorTier): Timing {
  if (!('nodes' in tier)) return unknownTiming('component', 'qdrant fills only the vector tier')
  const { points, shards, dimensions, quantization } = tier.collection
  const pointsPerShard = Math.max(1, points / shards)
  // Half of a search is arithmetic on vectors, which grows with their length; half walks the graph.
  const factor = (0.5 + (0.5 * dimensions) / measuredDimensions) * quantized[quantization]
  const wholeMs = Math.max(leastMs, slopeMs * Math.log(pointsPerShard) - offsetMs)
  const growingMs = Math.min(slopeMs, wholeMs / 2)
  return {
    model: 'search',
    servers: Math.max(1, Math.round(tier.cpus)),
    baseMs: (wholeMs - growingMs) * factor,
    msPerMillionPoints: (growingMs * factor * 1e6) / pointsPerShard,
    fanoutMs,
    cv: 0.25,
  }
}
