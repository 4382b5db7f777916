import { BatchingCore } from '../cores/batching.ts'
import type { BatchingDone, BatchingRequest } from '../cores/batching.ts'
import type { Work } from '../cores/core.ts'
import { FifoCore } from '../cores/fifo.ts'
import type { FifoDone } from '../cores/fifo.ts'
import { seededRandom } from '../cores/random.ts'
import type { DrawnLog } from '../drawn-log.ts'
import { Driver } from '../driver.ts'
import type { Overrun } from '../overrun.ts'
import type { TeiConfig } from './config.ts'

/** Means over a request's inputs, in modelled milliseconds. */
export interface Timing {
  readonly queueMs: number
  readonly inferenceMs: number
}

export interface InferRequest {
  /** Of each input. */
  readonly tokens: readonly number[]
  readonly arrivalMs: number
  /** Whether it waits for a permit instead of being refused, as a batch of inputs does in TEI. */
  readonly patient: boolean
  readonly onDone: (timing: Timing) => void
}

/** The modelled accelerator behind TEI's routes. */
export interface Engine {
  readonly overrun: Overrun
  nowMs(): number
  /** Returns how to cancel, or null when it is overloaded. */
  infer(request: InferRequest): (() => void) | null
  /** Inputs that wait for a batch. */
  readonly waiting: number
  close(): void
}

/** Hears of each batch when it is done. */
export type OnBatch = (size: number, tokens: number) => void

/** Throws when TEI cannot be emulated by that model. */
export function createEngine(config: TeiConfig, log: DrawnLog, onBatch: OnBatch): Engine {
  const { emulation } = config
  const random = seededRandom(config.seed, 'tei')
  if (emulation.model === 'batching') return batchingEngine(new BatchingCore(emulation, random), log, onBatch)
  if (emulation.model === 'fifo') {
    const core = new FifoCore(emulation, random, ({ id, arrivalMs, serviceMs, startMs, atMs }) =>
      log.write({ id, arrivalMs, serviceMs, startMs, departureMs: atMs }),
    )
    return fifoEngine(core)
  }
  throw new Error(`tei cannot be emulated as '${emulation.model}': use 'batching' or 'fifo'`)
}

interface Job {
  readonly onDone: (timing: Timing) => void
  readonly inputs: number
  left: number
  queueMs: number
  inferenceMs: number
}

/** Each input is an entry of its own in TEI's queue; a request is done when its last input is. */
function batchingEngine(core: BatchingCore, log: DrawnLog, onBatch: OnBatch): Engine {
  const jobs = new Map<number, Job>()
  let nextId = 1
  let lastBatchMs = -Infinity
  const driver = new Driver<BatchingRequest, BatchingDone, BatchingCore>(core, (done) => {
    const { id, arrivalMs, startMs, atMs, batchSize, batchTokens } = done
    log.write({ id, arrivalMs, startMs, departureMs: atMs, batchSize, batchTokens })
    if (startMs !== lastBatchMs) onBatch(batchSize, batchTokens)
    lastBatchMs = startMs
    const job = jobs.get(id)
    jobs.delete(id)
    if (job === undefined) return
    job.queueMs += (startMs - arrivalMs) / job.inputs
    job.inferenceMs += (atMs - startMs) / job.inputs
    if (--job.left === 0) job.onDone(job)
  })
  return {
    overrun: driver.overrun,
    nowMs: () => driver.nowMs(),
    get waiting() {
      return core.waiting
    },
    infer: ({ tokens, arrivalMs, patient, onDone }) => {
      const job: Job = { onDone, inputs: tokens.length, left: tokens.length, queueMs: 0, inferenceMs: 0 }
      const firstId = nextId
      for (const count of tokens) {
        const answer = driver.submit({ id: nextId, tokens: count, patient }, arrivalMs)
        if (answer === 'refused') return null
        jobs.set(nextId++, job)
      }
      return () =>
        driver.change((core, nowMs) => {
          for (let id = firstId; id < firstId + tokens.length; id++)
            if (core.cancel(id, nowMs)) jobs.delete(id)
        })
    },
    close: () => driver.close(),
  }
}

/** One service time a request, however many inputs: the law says how long a request takes. */
function fifoEngine(core: FifoCore): Engine {
  const jobs = new Map<number, (timing: Timing) => void>()
  let nextId = 1
  const driver = new Driver<Work, FifoDone, FifoCore>(core, ({ id, arrivalMs, startMs, atMs }) => {
    jobs.get(id)?.({ queueMs: startMs - arrivalMs, inferenceMs: atMs - startMs })
    jobs.delete(id)
  })
  return {
    overrun: driver.overrun,
    nowMs: () => driver.nowMs(),
    get waiting() {
      return core.waiting
    },
    infer: ({ arrivalMs, onDone }) => {
      const id = nextId++
      if (driver.submit({ id }, arrivalMs) === 'refused') return null
      jobs.set(id, onDone)
      // Its place in the line is taken: a server that notices nothing serves it all the same.
      return () => jobs.delete(id)
    },
    close: () => driver.close(),
  }
}
