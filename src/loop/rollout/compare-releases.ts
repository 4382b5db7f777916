/** One step of a canary: both releases are measured at once until it can be told which is worse, or whether neither is. */
import { setTimeout as sleep } from 'node:timers/promises'
import { randomOf } from '../../capacity/random.ts'
import { targetOf } from '../../load/endpoints.ts'
import type { LoadStage } from '../../load/plan.ts'
import type { SplitTier } from '../../stack/stack.ts'
import type { Observed, ReleaseCounts } from '../../targets/target.ts'
import { connectTo } from '../connection.ts'
import { type Judgement, type ReleaseSample, judge } from './judge.ts'
import { type ComparableRates, comparableRates } from './rates.ts'
import type { RolloutRun } from './run.ts'
import { type Chunk, type Sampler, added, nothingSampled, openSampler } from './sampler.ts'
import type { StepRecord } from './state.ts'
import { lookLine } from './view.ts'

/** The stage that loads a tier. */
export const stageOfTier: Readonly<Record<SplitTier, LoadStage>> = {
  gateway: 'pipeline',
  embed: 'embed',
  rerank: 'rerank',
  generate: 'generate',
}

/** Looks come at doublings of the data: each sees half as far again as the one before. */
const looks = [1 / 16, 1 / 8, 1 / 4, 1 / 2, 1]
/** Seconds that the bootstrap draws from: with fewer, requests that share a queue would be taken for independent. */
export const leastLookMs = 10_000
const firstWarmupMs = 5_000
const warmupMs = 1_000
/** A chunk that the generator spoilt is taken again so often. */
const mostTries = 3
const countingMs = 2_000

/** Shares of the step's data at each look, the last 1. */
export function looksWithin(maxWaitMs: number): number[] {
  return looks.filter((t) => t === 1 || t * maxWaitMs >= leastLookMs)
}

/** @param replicas of the next version that run */
export async function compareReleases(
  run: RolloutRun,
  observed: Observed,
  replicas: number,
): Promise<StepRecord> {
  const { context, state, versions } = run
  const stage = stageOfTier[state.tier]
  const connection = await connectTo(context.target, observed)
  try {
    const sampler = await openSampler(
      {
        stack: versions.now,
        stage,
        target: targetOf(stage, versions.now, connection.endpoints),
        signal: context.signal,
        onNotice: context.say,
      },
      context.runtime,
    )
    try {
      const rates = comparableRates(
        state.settings.rate / run.replicas,
        ...(await loadsOf(run, observed, replicas)),
      )
      return await lookUntilDecided(run, sampler, stage, rates)
    } finally {
      await sampler.close()
    }
  } finally {
    await connection.close()
  }
}

async function lookUntilDecided(
  run: RolloutRun,
  sampler: Sampler,
  stage: LoadStage,
  rates: ComparableRates,
): Promise<StepRecord> {
  const { state, context } = run
  const { maxWaitMs, tolerance, errorTolerance } = state.settings
  const information = looksWithin(maxWaitMs)
  let [current, next]: ReleaseSample[] = [nothingSampled, nothingSampled]
  let judgement: Judgement = { verdict: 'cannot tell', rows: [], moreSamples: null }
  let [look, before] = [0, 0]
  for (const t of information) {
    const windowMs = (t - before) * maxWaitMs
    const chunk = await believable(sampler, {
      windowMs,
      warmupMs: look === 0 ? firstWarmupMs : warmupMs,
      rates: { current: rates.current, next: rates.next },
    })
    if (chunk.doubts.length > 0) {
      context.say(`  the measurement may not be believed: ${chunk.doubts.join('; ')}`)
      break
    }
    current = added(current ?? nothingSampled, chunk.current)
    next = added(next ?? nothingSampled, chunk.next)
    const random = randomOf(look + 1, state.step)
    judgement = judge(
      current,
      next,
      { stage, tolerance, errorTolerance, steps: state.shares.length, information, look },
      () => random.next(),
    )
    look++
    before = t
    context.say(lookLine(judgement, before * maxWaitMs, maxWaitMs))
    if (judgement.verdict !== 'cannot tell') break
  }
  return {
    share: state.shares[state.step] ?? 100,
    verdict: judgement.verdict,
    seconds: Math.round((before * maxWaitMs) / 1000),
    looks: look,
    requests: { current: current?.scheduled ?? 0, next: next?.scheduled ?? 0 },
    ratePerReplica: rates.perReplica,
    moreSamples: judgement.moreSamples,
    rows: judgement.rows.map((row) => ({ ...row, interval: [...row.interval] })),
  }
}

async function believable(sampler: Sampler, options: Parameters<Sampler['sample']>[0]): Promise<Chunk> {
  for (let tries = 1; ; tries++) {
    const chunk = await sampler.sample(options)
    if (chunk.doubts.length === 0 || tries === mostTries) return chunk
  }
}

/** What others ask of each release meanwhile, where the target counts it. */
async function loadsOf(run: RolloutRun, observed: Observed, replicas: number) {
  const { target, signal } = run.context
  const { tier } = run.state
  const count = async (): Promise<ReleaseCounts | null> =>
    (await target.rollout?.served?.(observed, tier)) ?? null
  const from = await count()
  if (from !== null) await sleep(countingMs, undefined, { signal })
  const to = from === null ? null : await count()
  const others = (release: 'current' | 'next'): number =>
    from === null || to === null ? 0 : (Math.max(0, to[release] - from[release]) / countingMs) * 1000
  return [
    { replicas: run.replicas, others: others('current') },
    { replicas, others: others('next') },
  ] as const
}
