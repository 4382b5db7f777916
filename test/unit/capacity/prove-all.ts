import { once } from 'node:events'
import { availableParallelism } from 'node:os'
import { Worker } from 'node:worker_threads'
import type { Task } from './prove-worker.ts'
import type { Proof } from './prove.ts'

/**
 * Proves the stacks of `seeds`, in their order, on every core. In threads of their own, which load the modules as
 * Node does: vitest's own loader makes each call between modules some times slower, and these are minutes of calls.
 */
export async function proveAll(seeds: readonly number[], queries: number): Promise<Proof[]> {
  const waiting = seeds.entries()
  const proofs: Proof[] = []
  const work = async (): Promise<void> => {
    const worker = new Worker(new URL('./prove-worker.ts', import.meta.url), { execArgv: [] })
    try {
      for (const [index, seed] of waiting) {
        worker.postMessage({ seed, queries } satisfies Task)
        const [proof] = (await once(worker, 'message')) as [Proof]
        proofs[index] = proof
      }
    } finally {
      await worker.terminate()
    }
  }
  await Promise.all(Array.from({ length: Math.min(availableParallelism(), seeds.length) }, work))
  return proofs
}
