/** `emulate:` as written → a timing model. */
import type { EmulateShape } from '../schema/emulate.ts'
import type { Emulation, ServiceLaw } from '../stack.ts'

export function emulationOf(shape: EmulateShape): Emulation {
  switch (shape.model) {
    case 'fifo':
      return {
        model: 'fifo',
        law: lawOf(shape),
        servers: shape.servers,
        queueLimit: shape.queueLimit ?? null,
      }
    case 'batching':
      return {
        model: 'batching',
        overheadMs: shape.overhead,
        msPerToken: shape.perToken,
        maxBatchTokens: shape.maxBatchTokens,
        maxConcurrent: shape.maxConcurrent,
        cv: shape.cv,
      }
    case 'continuous':
      return {
        model: 'continuous',
        stepMs: shape.step,
        msPerSequence: shape.perSequence,
        prefillMs: shape.prefill,
        msPerPrefillToken: shape.perPrefillToken,
        maxSequences: shape.maxSequences,
        maxBatchedTokens: shape.maxBatchedTokens,
        kvTokens: shape.kvTokens,
        cv: shape.cv,
      }
    case 'search':
      return {
        model: 'search',
        servers: shape.servers,
        baseMs: shape.base,
        msPerMillionPoints: shape.perMillionPoints,
        fanoutMs: shape.fanout,
        cv: shape.cv,
      }
  }
}

function lawOf(shape: EmulateShape & { model: 'fifo' }): ServiceLaw {
  const { law: kind, mean: meanMs } = shape
  if (kind === 'lognormal') return { kind, meanMs, cv: shape.cv ?? 1 }
  if (kind === 'bimodal')
    return { kind, meanMs, slowShare: shape.slowShare ?? 0.1, slowFactor: shape.slowFactor ?? 10 }
  return { kind, meanMs }
}
