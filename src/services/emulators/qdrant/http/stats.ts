/** Upper bounds of the duration histogram, in seconds. */
export const buckets = [0.001, 0.005, 0.01, 0.02, 0.05, 0.1, 0.5, 1, 5, 10, 50] as const

/** Durations of the answers of one endpoint with one status, in whole microseconds. */
export interface EndpointStats {
  count: number
  totalMicros: number
  minMicros: number
  maxMicros: number
  lastAt: Date
  /** Answers within each bucket, not cumulated; the last is for what is longer than all. */
  readonly inBucket: number[]
}

/** What the node has answered, by `METHOD /path/{of}/the/endpoint` and status. */
export class RequestStats {
  readonly #endpoints = new Map<string, Map<number, EndpointStats>>()

  record(endpoint: string, status: number, elapsedMs: number): void {
    let statuses = this.#endpoints.get(endpoint)
    if (statuses === undefined) {
      statuses = new Map()
      this.#endpoints.set(endpoint, statuses)
    }
    let stats = statuses.get(status)
    if (stats === undefined) {
      const inBucket = Array<number>(buckets.length + 1).fill(0)
      stats = { count: 0, totalMicros: 0, minMicros: Infinity, maxMicros: 0, lastAt: new Date(), inBucket }
      statuses.set(status, stats)
    }
    const micros = Math.round(elapsedMs * 1000)
    stats.count++
    stats.totalMicros += micros
    stats.minMicros = Math.min(stats.minMicros, micros)
    stats.maxMicros = Math.max(stats.maxMicros, micros)
    stats.lastAt = new Date()
    const bucket = buckets.findIndex((bound) => micros <= bound * 1e6)
    stats.inBucket[bucket === -1 ? buckets.length : bucket]!++
  }

  endpoints(): [endpoint: string, statuses: ReadonlyMap<number, EndpointStats>][] {
    return [...this.#endpoints]
  }
}
