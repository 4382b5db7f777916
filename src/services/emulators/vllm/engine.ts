import { ContinuousCore } from '../cores/continuous.ts'
import type { ContinuousDone, ContinuousEvent, ContinuousRequest } from '../cores/continuous.ts'
import type { Core } from '../cores/core.ts'
import { EvenTokensCore } from '../cores/even-tokens.ts'
import { seededRandom } from '../cores/random.ts'
import { Driver } from '../driver.ts'
import type { Overrun } from '../overrun.ts'
import type { VllmConfig } from './config.ts'
import type { EngineState } from './metrics.ts'

export interface Generation {
  readonly promptTokens: number
  readonly outputTokens: number
  readonly prefix: readonly number[]
  readonly arrivalMs: number
  /** With the token's number from 0 and its modelled time. */
  readonly onToken: (index: number, atMs: number) => void
  readonly onDone: (done: ContinuousDone) => void
}

/** The modelled engine behind the API. */
export interface Engine {
  readonly overrun: Overrun
  nowMs(): number
  state(): EngineState
  /** Returns how to abort, or null when it is refused. */
  generate(generation: Generation): (() => void) | null
  close(): void
}

type TokenCore = Core<ContinuousRequest, ContinuousEvent> & { cancel?(id: number, nowMs: number): boolean }

/** Throws when vLLM cannot be emulated by that model. */
export function createEngine({ emulation, seed, prefixCaching }: VllmConfig): Engine {
  const random = seededRandom(seed, 'vllm')
  if (emulation.model === 'continuous') {
    const core = new ContinuousCore(emulation, random)
    return engineOf(core, prefixCaching, () => core)
  }
  if (emulation.model === 'fifo') {
    const core = new EvenTokensCore(emulation, random)
    const state = () => ({
      running: core.inFlight - core.waiting,
      waiting: core.waiting,
      kvUsage: 0,
      preemptions: 0,
      prefixTokens: { queried: 0, hit: 0 },
    })
    return engineOf(core, false, state)
  }
  throw new Error(`vllm cannot be emulated as '${emulation.model}': use 'continuous' or 'fifo'`)
}

function engineOf(core: TokenCore, prefixCaching: boolean, state: () => EngineState): Engine {
  const generations = new Map<number, Generation>()
  let nextId = 1
  const driver = new Driver<ContinuousRequest, ContinuousEvent, TokenCore>(core, (event) => {
    const generation = generations.get(event.id)
    if (event.kind === 'token') generation?.onToken(event.index, event.atMs)
    else {
      generations.delete(event.id)
      generation?.onDone(event)
    }
  })
  return {
    overrun: driver.overrun,
    nowMs: () => driver.nowMs(),
    state,
    generate: (generation) => {
      const id = nextId++
      const { promptTokens, outputTokens, prefix, arrivalMs } = generation
      const request = { id, promptTokens, outputTokens, ...(prefixCaching ? { prefix } : {}) }
      if (driver.submit(request, arrivalMs) === 'refused') return null
      generations.set(id, generation)
      return () => {
        generations.delete(id)
        driver.change((core, nowMs) => core.cancel?.(id, nowMs))
      }
    },
    close: () => driver.close(),
  }
}
