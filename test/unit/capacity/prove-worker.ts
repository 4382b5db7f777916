/** A worker thread: proves the stacks whose seeds it is sent, one at a time, until it is sent none. */
import { parentPort } from 'node:worker_threads'
import { prove } from './prove.ts'
import { drawStack } from './proving-ground.ts'

export interface Task {
  readonly seed: number
  readonly queries: number
}

parentPort?.on('message', ({ seed, queries }: Task) => {
  parentPort?.postMessage(prove(drawStack(seed), queries))
})
