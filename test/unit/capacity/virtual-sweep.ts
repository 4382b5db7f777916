/** A sweep of one tier of emulators in virtual time, tokens and shards included, as a run would record it. */
import type { MeasuredStep, Measurement } from '../../../src/capacity/types.ts'
import { runVirtual } from '../../../src/services/emulators/virtual.ts'
import type { Collection, Emulation, Tier } from '../../../src/stack/stack.ts'
import { histogram } from './proving-ground.ts'

const shares = [0.12, 0.28, 0.44, 0.6, 0.75, 0.9, 1.05, 1.25]

export interface Swept {
  readonly emulation: Emulation
  readonly knee: number
  readonly replicas?: number
  readonly collection?: Collection
  readonly tokens?: (query: number) => number
}

export function sweep(tier: Tier, { emulation, knee, replicas = 1, collection, tokens }: Swept): Measurement {
  const steps = shares.map((share, i): MeasuredStep => {
    const rate = share * knee
    const warmup = Math.round(rate * 5)
    const result = runVirtual(
      [
        {
          name: tier,
          replicas,
          policy: 'least-connections',
          emulation,
          ...(collection === undefined ? {} : { collection }),
        },
      ],
      {
        rate,
        arrivals: { kind: 'poisson' },
        queries: Math.round(rate * 30),
        warmup,
        seed: 40 + i,
        ...(tokens === undefined ? {} : { outputTokens: tokens }),
      },
    )
    const { latencyMs, firstTokenMs, elapsedMs } = result
    const arrivedSeconds = (elapsedMs - latencyMs.at(-1)!) / 1000
    const seconds = (30 / 35) * arrivedSeconds
    const measured = latencyMs.length / seconds
    const steady = {
      valid: true,
      saturated: false,
      errorsShare: 0,
      warmupSeconds: arrivedSeconds - seconds,
      seconds,
    }
    const decoding =
      firstTokenMs === undefined || tokens === undefined
        ? null
        : latencyMs.map((ms, k) => (ms - firstTokenMs[k]!) / (tokens(k + warmup) - 1))
    return {
      id: `s${i + 1}`,
      offered: measured,
      achieved: measured,
      completed: measured,
      ...steady,
      samples: histogram(latencyMs),
      ...(firstTokenMs === undefined ? {} : { ttft: histogram(firstTokenMs) }),
      ...(decoding === null ? {} : { tpot: histogram(decoding) }),
    }
  })
  return {
    run: 'r1',
    stage: tier === 'vector' ? 'retrieve' : (tier as 'embed'),
    tier,
    replicas,
    steps,
    ...(collection === undefined ? {} : { shards: collection.shards }),
  }
}
