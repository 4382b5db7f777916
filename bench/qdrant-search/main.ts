/**
 * What one exact search of the emulated Qdrant costs this machine: the figures that its capacity is reckoned
 * by. In process, without HTTP; medians, since other work on the machine only ever adds.
 */
import { realSearchMs } from '../../src/services/emulators/qdrant/search/capacity.ts'
import { topK } from '../../src/services/emulators/qdrant/search/top-k.ts'
import { warmUp } from '../../src/services/emulators/qdrant/search/warm-up.ts'
import { VectorStore } from '../../src/services/emulators/qdrant/storage/vectors.ts'
import { intervalOfMedian, median } from '../statistics.ts'

const rounds = 60

warmUp()
process.stdout.write('points  dimensions  ms a search (95 % interval)  ns a coordinate  reckoned with\n')
for (const [points, dimensions] of [
  [1000, 384],
  [10_000, 384],
  [10_000, 768],
  [30_000, 384],
] as const) {
  const store = new VectorStore(dimensions, 'Cosine')
  const vector = () => Float32Array.from({ length: dimensions }, () => Math.random() - 0.5)
  for (let count = 0; count < points; count++) store.push(vector())
  const query = vector()
  const times = Array.from({ length: rounds }, () => {
    const startedAt = performance.now()
    topK(store.scores(query), { count: store.count, limit: 10, largerIsNearer: true })
    return performance.now() - startedAt
  })
  const [low, high] = intervalOfMedian(times)
  const ms = median(times)
  process.stdout.write(
    `${String(points).padStart(6)}  ${String(dimensions).padStart(10)}  ` +
      `${ms.toFixed(3).padStart(6)} (${low.toFixed(3)}–${high.toFixed(3)})`.padEnd(29) +
      ((ms * 1e6) / (points * dimensions)).toFixed(3).padStart(8) +
      `${realSearchMs(points, dimensions).toFixed(3).padStart(17)} ms\n`,
  )
}
