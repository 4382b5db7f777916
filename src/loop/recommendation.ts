/** Runs on the disk → what the recommender is told → counts. */
import { resolve } from 'node:path'
import { gpus, pricesAsOf } from '../catalog/gpus.ts'
import { measurementsOf } from '../capacity/measurements.ts'
import { recommend } from '../capacity/recommend.ts'
import type { ArrivalLaw, Measurement, PriceTable, Recommendation, TierNow } from '../capacity/types.ts'
import { ExitCode, UserError } from '../errors.ts'
import { readRecording } from '../recording/files.ts'
import type { Recording } from '../recording/files.ts'
import { recordedUrl } from '../recording/recorded-stack.ts'
import type { RecordedStack } from '../recording/recorded-stack.ts'
import type { Run } from '../recording/run.ts'
import { findRunFolder, listRuns } from '../recording/store.ts'
import type { Stack, Tier } from '../stack/stack.ts'
import { isProvided, providedTier } from './provided.ts'

/** In the order in which a query visits them. */
const queryTiers = ['gateway', 'embed', 'vector', 'rerank', 'generate'] as const satisfies readonly Tier[]

export interface RecommendOptions {
  readonly stack: Stack
  /** Queries a second. */
  readonly rate: number
  readonly growth: number
  readonly spare: number
  /** Runs that the user named; empty: the newest that fit the stack, of each stage. */
  readonly runs: readonly string[]
  readonly runsFolder: string
  readonly cwd: string
}

/** @throws {UserError} exit 2 for runs that do not fit the stack, 1 with the commands to run where too little is known */
export async function recommendFromRuns(options: RecommendOptions): Promise<Recommendation> {
  const { stack } = options
  const recordings = options.runs.length > 0 ? await namedRuns(options) : await newestRuns(options)
  const measurements = recordings.flatMap(({ run, series }) => measurementsOf(run, series))
  const answer = recommend({
    tiers: tiersNow(stack, recordings),
    policy: stack.balancer.policy,
    rate: options.rate,
    growth: options.growth,
    arrivals: arrivalLaw(stack, measurements),
    slo: stack.slo,
    limits: stack.limits,
    spare: options.spare,
    measurements,
    prices,
    seed: stack.workload.seed,
  })
  if (answer.ok) return answer.recommendation
  const measured =
    recordings.length > 0 && recordings.every(({ run }) => run.steps.every((step) => !step.valid))
  throw new UserError(answer.refusal.because, {
    hint: (measured
      ? ['ragscale report latest   says why its steps may not be believed']
      : answer.refusal.run
    ).join('\n'),
    // Runs there are, and none may be believed: the measuring failed, not the stack.
    exitCode: measured ? ExitCode.invalid : ExitCode.failed,
    code: 'not-enough-data',
  })
}

const prices: PriceTable = {
  date: pricesAsOf,
  currency: 'USD',
  gpuHour: Object.fromEntries(gpus.map(({ name, perHour }) => [name, perHour])),
  replicaHour: {},
}

async function namedRuns(options: RecommendOptions): Promise<Recording[]> {
  const recordings: Recording[] = []
  for (const name of options.runs) {
    const folder = await findRunFolder(resolve(options.cwd, options.runsFolder), name, options.cwd)
    const recording = await readRecording(folder)
    const differs = differences(recording.run, options.stack)
    if (differs.length > 0) {
      throw new UserError(`run ${recording.run.id} measured another stack: ${differs.join('; ')}`, {
        exitCode: ExitCode.usage,
        hint: 'Recommend from runs of this stack: ragscale loadtest --scenario sweep',
        code: 'other-stack',
      })
    }
    recordings.push(recording)
  }
  return recordings
}

/**
 * Of each stage the newest sweep or breakpoint that measured this stack and may be believed; of the pipeline, and of
 * what a provider runs, whose limits are its capacity, the newest of any kind. Where no run of a stage may be believed its newest is taken all the same: the
 * recommender then says what is wrong with it.
 */
async function newestRuns(options: RecommendOptions): Promise<Recording[]> {
  const folder = resolve(options.cwd, options.runsFolder)
  const chosen = new Map<string, Recording>()
  const covered = new Set<string>()
  const doubtful = new Map<string, Recording>()
  for (const listed of await listRuns(folder)) {
    if (listed.verdict === 'incomplete' || listed.verdict === 'unreadable') continue
    const climbs = listed.scenario === 'sweep' || listed.scenario === 'breakpoint'
    const tells = (stage: string) => climbs || stage === 'pipeline' || isProvided(options.stack, stage)
    const news = listed.stages.filter((stage) => !covered.has(stage) && tells(stage))
    if (news.length === 0) continue
    const recording = await readRecording(listed.folder)
    if (differences(recording.run, options.stack).length > 0) continue
    const believable = recording.run.steps.some((step) => step.valid)
    for (const stage of news) {
      if (believable) covered.add(stage)
      else if (!doubtful.has(stage)) doubtful.set(stage, recording)
    }
    if (believable) chosen.set(listed.id, recording)
  }
  for (const [stage, recording] of doubtful) if (!covered.has(stage)) chosen.set(recording.run.id, recording)
  return [...chosen.values()]
}

/** What makes a run say nothing about a stack: other components, models, hardware or data. Counts may differ. */
export function differences(run: Run, stack: Stack): string[] {
  const found: string[] = []
  if (run.target !== stack.target) found.push(`it ran on target ${run.target}, not ${stack.target}`)
  for (const tier of queryTiers) {
    if (!measured(run, tier)) continue
    const [then, now] = [essence(run.stack, tier), essence(stack, tier)]
    if (then !== now) found.push(`tier ${tier} was ${then ?? 'absent'}, and is ${now ?? 'absent'}`)
  }
  return found
}

function measured(run: Run, tier: Tier): boolean {
  const stage = tier === 'vector' ? 'retrieve' : tier
  return run.stages.includes('pipeline') || run.stages.includes(stage)
}

function essence(stack: Stack | RecordedStack, tier: Tier): string | undefined {
  if (tier === 'vector') {
    const vector = stack.tiers.vector
    if (vector === undefined) return endpointOf(stack, 'vector')
    const { component, collection, emulate } = vector
    const { name, dimensions, distance, quantization } = collection
    return JSON.stringify({ component, collection: { name, dimensions, distance, quantization }, emulate })
  }
  const found = stack.tiers[tier]
  if (found === undefined) return tier === 'gateway' ? endpointOf(stack, 'pipeline') : endpointOf(stack, tier)
  // Counts, bounds and a provider's terms may differ: none of them changes what was measured.
  const { replicas: _, autoscale: _autoscale, provider, ...rest } = found
  return JSON.stringify({ ...rest, provider: provider?.url })
}

function endpointOf(stack: Stack | RecordedStack, name: string): string | undefined {
  const endpoint = Object.entries(stack.endpoints).find(([key]) => key === name)?.[1]
  return endpoint === undefined
    ? undefined
    : JSON.stringify([recordedUrl(endpoint.url), endpoint.model, endpoint.collection])
}

function tiersNow(stack: Stack, recordings: readonly Recording[]): TierNow[] {
  const visits = visitsOf(recordings)
  return queryTiers.flatMap((tier): TierNow[] => {
    const visit = visits[tier]
    const base = { tier, ...(visit === undefined ? {} : { visits: visit }) }
    if (tier === 'vector') {
      const vector = stack.tiers.vector
      if (vector !== undefined) return [{ ...base, replicas: vector.nodes, collection: vector.collection }]
      const endpoint = stack.endpoints.vector
      return endpoint === undefined ? [] : [{ ...base, replicas: endpoint.replicas }]
    }
    const found = stack.tiers[tier]
    if (found === undefined) {
      const endpoint = stack.endpoints[tier === 'gateway' ? 'pipeline' : tier]
      return endpoint === undefined ? [] : [{ ...base, replicas: endpoint.replicas }]
    }
    const { replicas, gpu, tensorParallel } = found
    const provided = tier === 'embed' || tier === 'generate' ? providedTier(stack, tier, recordings) : null
    if (provided !== null) return [{ ...base, replicas: 1, provided }]
    return [
      {
        ...base,
        replicas,
        ...(gpu === undefined ? {} : { gpu, gpus: tensorParallel ?? 1 }),
        ...(tensorParallel === undefined ? {} : { tensorParallel }),
        // The reference gateway is one thread that waits or computes: its CPU is its capacity.
        ...(tier === 'gateway' && found.component === 'reference' ? { cores: 1 } : {}),
      },
    ]
  })
}

/**
 * Requests to each tier for each query, from the cache hits of the newest pipeline run: what a cache answers
 * does not reach the tiers behind it. 1 where no pipeline was measured, or no cache is on.
 */
function visitsOf(recordings: readonly Recording[]): Partial<Record<Tier, number>> {
  const steps = recordings
    .filter(({ run }) => run.stages.includes('pipeline'))
    .flatMap(({ run }) => run.steps.filter((step) => step.stage === 'pipeline' && step.valid))
  const answered = steps.reduce((sum, step) => sum + step.succeeded, 0)
  if (answered === 0) return {}
  /** Of all queries, those that the cache was asked for and did not know. */
  const missed = (cache: string): number | null => {
    const seen = steps.map((step) => step.cache[cache]).filter((counts) => counts !== undefined)
    if (seen.length === 0) return null
    return seen.reduce((sum, { miss }) => sum + miss, 0) / answered
  }
  const [embedding, retrieval, answer] = [missed('embedding'), missed('retrieval'), missed('answer')]
  const share = (...misses: (number | null)[]): number =>
    Math.max(0.001, Math.min(1, ...misses.filter((miss) => miss !== null)))
  return {
    embed: share(embedding, retrieval, answer),
    vector: share(retrieval, answer),
    rerank: share(retrieval, answer),
    generate: share(answer),
  }
}

function arrivalLaw(stack: Stack, measurements: readonly Measurement[]): ArrivalLaw {
  const { arrivals } = stack.workload
  if (arrivals.kind !== 'trace') return arrivals
  return (
    measurements.find((measurement) => measurement.arrivals !== undefined)?.arrivals ?? { kind: 'poisson' }
  )
}
