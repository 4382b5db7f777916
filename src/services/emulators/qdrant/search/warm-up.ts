import { VectorStore } from '../storage/vectors.ts'
import { distances } from './distance.ts'
import { topK } from './top-k.ts'

/** Runs every kernel until the engine has compiled it for speed: the first searches are measured like all others. */
export function warmUp(): void {
  const dimensions = 64
  for (const distance of distances) {
    const store = new VectorStore(dimensions, distance)
    const vector = new Float32Array(dimensions).fill(0.5)
    for (let count = 0; count < 500; count++) store.push(vector)
    for (let round = 0; round < 100; round++) {
      const { largerIsNearer } = store.metric
      topK(store.scores(vector), { count: store.count, limit: 10, largerIsNearer })
    }
  }
}
