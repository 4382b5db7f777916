/** A load test under way → a run on the disk. */
import { join, resolve } from 'node:path'
import { UserError } from '../errors.ts'
import { usableCores } from '../load/generator.ts'
import type { K6 } from '../load/k6/find.ts'
import type { LoadPlan } from '../load/plan.ts'
import type { PreparedQueries } from '../load/queries.ts'
import { runK6 } from '../load/run.ts'
import type { Scenario } from '../load/scenario.ts'
import type { ScenarioPlan } from '../load/plan.ts'
import { assembleRun, endedByItself } from '../recording/assemble.ts'
import { describeEnvironment } from '../recording/environment.ts'
import {
  readLoadRecord,
  readRecording,
  readResources,
  readSeries,
  runFiles,
  writeRunFile,
} from '../recording/files.ts'
import type { Recording } from '../recording/files.ts'
import type { LoadLine } from '../recording/load-lines.ts'
import { acquireLock } from '../lock.ts'
import { recordStack } from '../recording/recorded-stack.ts'
import { canRecover } from '../recording/recover.ts'
import type { Run, RunFacts } from '../recording/run.ts'
import { createRunFolder, newRunId } from '../recording/store.ts'
import type { Runtime } from '../runtime.ts'
import { formatArrivals } from '../stack/arrivals.ts'
import type { Stack } from '../stack/stack.ts'
import { ragscaleVersion } from '../version.ts'
import { endpointNamesOf } from './aim.ts'
import type { Aim } from './aim.ts'
import type { RunningStack } from './running.ts'
import { startSampling } from './sampling.ts'

/** A stage whose target is there, with its queries and rates. */
export interface PreparedStage {
  readonly aim: Aim
  readonly plan: LoadPlan
  readonly queries: PreparedQueries
}

export interface RecordOptions {
  readonly stack: Stack
  readonly running: RunningStack
  readonly scenario: Scenario
  readonly name?: string | undefined
  /** Absolute, or relative to the working folder. */
  readonly runsFolder: string
  readonly k6: K6
  /** Ends the test with its record kept. */
  readonly signal: AbortSignal
  readonly onPlan?: (plan: ScenarioPlan, part: 'test') => void
  readonly onLine?: (line: LoadLine, part: 'test') => void
}

export interface Measured extends Recording {
  readonly folder: string
}

/** @throws {UserError} exit 2 when there is a run of that name, 1 when k6 or the disk fails; what was recorded stays */
export async function record(
  stages: readonly PreparedStage[],
  scratch: string,
  options: RecordOptions,
  runtime: Runtime,
): Promise<Measured> {
  const { stack, running } = options
  const startedAt = new Date(runtime.now())
  const called = [...new Set(stages.flatMap(({ aim }) => endpointNamesOf(aim)))]
  const facts: RunFacts = {
    id:
      options.name ??
      newRunId(
        startedAt,
        stages.map(({ plan }) => plan.stage),
      ),
    startedAt: startedAt.toISOString(),
    target: stack.target,
    emulated: running.emulated,
    stack: recordStack(stack),
    environment: describeEnvironment(stack, ragscaleVersion(), await running.versions(called)),
    scenario: options.scenario,
    stages: stages.map(({ plan }) => plan.stage),
    arrivals: arrivalsName(stages, stack),
    seed: stages[0]?.plan.seed ?? stack.workload.seed,
    cache: cacheState(stack, stages),
    cpuCoresAvailable: await usableCores(),
  }
  const folder = await createRunFolder(resolve(runtime.cwd, options.runsFolder), facts)
  const lock = await acquireLock(
    join(folder, runFiles.lock),
    { pid: running.pid, what: 'ragscale loadtest', since: facts.startedAt },
    'this run is being recorded',
  )
  try {
    const run = await load(stages, { facts, folder, scratch }, options, runtime)
    await writeRunFile(folder, run)
    return { ...(await readRecording(folder)), folder }
  } finally {
    await lock.release()
  }
}

async function load(
  stages: readonly PreparedStage[],
  into: { readonly facts: RunFacts; readonly folder: string; readonly scratch: string },
  options: RecordOptions,
  runtime: Runtime,
): Promise<Run> {
  const { facts, folder, scratch } = into
  const { k6, signal } = options
  const sampling = await startSampling(options.running, folder)
  let stopped = false
  try {
    for (const { plan } of stages) {
      stopped = signal.aborted
      if (stopped) break
      options.onPlan?.(plan, 'test')
      const { reason } = await runK6({
        k6,
        plan,
        folder,
        scratch: join(scratch, plan.stage),
        runtime,
        signal,
        onLine: (line) => options.onLine?.(line, 'test'),
      })
      stopped = reason === 'interrupted'
      if (stopped) break
    }
  } catch (error) {
    // What k6 says of its end tells more than what its end did to the sampling.
    await sampling.stop().catch(() => undefined)
    throw await withWhatIsLeft(error, facts.id, folder)
  }
  await sampling.stop()
  const loaded = await readLoadRecord(folder)
  return assembleRun(
    facts,
    loaded.starts,
    {
      steps: loaded.steps,
      series: await readSeries(folder),
      resources: await readResources(folder),
      generatorsLost: [],
    },
    {
      endedAt: new Date(runtime.now()).toISOString(),
      interrupted: stopped || !endedByItself(loaded.ends, stages.length),
      intervals: loaded.intervals,
    },
  )
}

/** Steps that were finished are not lost with the process that measured them. */
async function withWhatIsLeft(thrown: unknown, id: string, folder: string): Promise<unknown> {
  if (!(thrown instanceof UserError) || !(await canRecover(folder).catch(() => false))) return thrown
  const kept = `ragscale report ${id}   shows the steps that were finished`
  return new UserError(thrown.message, {
    exitCode: thrown.exitCode,
    code: thrown.code,
    hint: thrown.hint === undefined ? kept : `${thrown.hint}\n${kept}`,
    cause: thrown,
  })
}

function arrivalsName(stages: readonly PreparedStage[], stack: Stack): string {
  const arrivals = stages[0]?.plan.arrivals
  if (arrivals === undefined) return formatArrivals(stack.workload.arrivals)
  return arrivals.kind === 'trace' ? 'trace' : formatArrivals(arrivals)
}

/** A warm-up fills the caches, so what is measured after one is warm. */
function cacheState(stack: Stack, stages: readonly PreparedStage[]): RunFacts['cache'] {
  const cache = stack.tiers.cache?.cache
  const isOn =
    cache !== undefined && [cache.embeddings, cache.retrievals, cache.answers].some((ttl) => ttl !== null)
  const isPipeline = stages.some(({ plan }) => plan.stage === 'pipeline')
  if (!isOn || !isPipeline) return 'off'
  return stages.some(({ plan }) => plan.steps.some(({ warmupMs }) => warmupMs > 0)) ? 'warm' : 'cold'
}
