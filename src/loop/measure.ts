/** One load test, from a stack that runs to a run on the disk: what joins load/, targets/ and recording/. */
import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { ExitCode, UserError } from '../errors.ts'
import { endpointTarget } from '../load/endpoints.ts'
import type { RunningUrls } from '../load/endpoints.ts'
import { usableCores } from '../load/generator.ts'
import { showBuildProgress } from '../load/k6/build-progress.ts'
import { findK6 } from '../load/k6/find.ts'
import type { K6 } from '../load/k6/find.ts'
import { loadStages } from '../load/plan.ts'
import type { LoadPlan, LoadStage, ScenarioPlan } from '../load/plan.ts'
import { followProbe } from '../load/probe.ts'
import { prepareQueries } from '../load/queries.ts'
import type { PreparedQueries } from '../load/queries.ts'
import { assertReachable } from '../load/reachable.ts'
import { runK6 } from '../load/run.ts'
import { assertWithinLimits, confirmLoad, extentOfLoads } from '../load/safety.ts'
import { completePlan, planScenario } from '../load/scenario.ts'
import { tryOnce } from '../load/trial.ts'
import { assembleRun, endedByItself } from '../recording/assemble.ts'
import { describeEnvironment } from '../recording/environment.ts'
import { readLoadRecord, readRecording, readResources, readSeries, writeRunFile } from '../recording/files.ts'
import type { Recording } from '../recording/files.ts'
import type { LoadLine } from '../recording/load-lines.ts'
import { acquireLock } from '../recording/lock.ts'
import { recordStack } from '../recording/recorded-stack.ts'
import type { RunFacts } from '../recording/run.ts'
import { createRunFolder, newRunId } from '../recording/store.ts'
import type { Runtime } from '../runtime.ts'
import { formatArrivals } from '../stack/arrivals.ts'
import type { Stack } from '../stack/stack.ts'
import { ragscaleVersion } from '../version.ts'
import { aimAt, allowLoad, endpointNamesOf } from './aim.ts'
import type { Aim, AskedLoad } from './aim.ts'
import { startSampling } from './sampling.ts'
import type { RunningStack } from './running.ts'

export interface MeasureOptions extends AskedLoad {
  readonly running: RunningStack
  /** Empty: the whole pipeline where there is one, else every stage that has an endpoint. */
  readonly stages: readonly LoadStage[]
  /** Absolute, or relative to the working folder. */
  readonly runsFolder: string
  readonly name?: string | undefined
  readonly yes: boolean
  readonly onPlan?: (plan: ScenarioPlan, part: 'probe' | 'test') => void
  readonly onLine?: (line: LoadLine, part: 'probe' | 'test') => void
  readonly onNotice?: (notice: string) => void
}

export interface Measured extends Recording {
  readonly folder: string
}

/**
 * @throws {UserError} exit 2 for options that do not fit, 3 without k6, 4 for a target that is not there,
 * 1 when another load test runs on this stack or k6 fails
 */
export async function measure(options: MeasureOptions, runtime: Runtime): Promise<Measured> {
  const { stack, running } = options
  const stages = options.stages.length > 0 ? options.stages : defaultStages(stack, running.urls)
  const aims = stages.map((stage) => aimAt(stage, options, running.urls))
  await allowLoad(aims, stack, runtime, { yes: options.yes })
  const k6 = await findK6(runtime, { onProgress: showBuildProgress(runtime.stderr) })
  const lock = await acquireLock(join(stack.folder, '.ragscale', 'loadtest.lock'), {
    pid: running.pid,
    what: `ragscale loadtest --stage ${stages.join(' --stage ')}`,
    since: new Date(runtime.now()).toISOString(),
  })
  const scratch = await mkdtemp(join(tmpdir(), 'ragscale-load-'))
  try {
    const prepared: PreparedStage[] = []
    for (const aim of aims) prepared.push(await prepareStage(aim, scratch, k6, options, runtime))
    return await record(prepared, scratch, k6, options, runtime)
  } finally {
    await rm(scratch, { recursive: true, force: true })
    await lock.release()
  }
}

interface PreparedStage {
  readonly aim: Aim
  readonly plan: LoadPlan
  readonly queries: PreparedQueries
}

function defaultStages(stack: Stack, urls: RunningUrls): LoadStage[] {
  const able = loadStages.filter((stage) => {
    const name = stage === 'retrieve' ? 'vector' : stage
    return endpointTarget(name, stack, urls) !== null
  })
  return able.includes('pipeline') || able.length === 0 ? ['pipeline'] : able
}

/** Checks that the stage's target is there, makes its queries complete and decides its rates. */
async function prepareStage(
  aim: Aim,
  scratch: string,
  k6: K6,
  options: MeasureOptions,
  runtime: Runtime,
): Promise<PreparedStage> {
  const { stack } = options
  const { stage, target, first } = aim
  const { env } = runtime
  await assertReachable({ stage, target, runsOn: stack.target, env })
  const folder = join(scratch, stage)
  await mkdir(folder, { recursive: true })
  const { embed, vector } = aim
  const queries = await prepareQueries({ stage, stack, folder, embed, vector, env })
  for (const notice of queries.notices) options.onNotice?.(notice)
  if (stack.target === 'external')
    await tryOnce({ stage, target, queriesFile: queries.file, env, timeoutMs: first.timeoutMs })
  const complete = (plan: ScenarioPlan): LoadPlan => completePlan(plan, target, queries, stack.workload.zipf)
  if (!aim.probes) return { aim, plan: complete(first), queries }

  options.onPlan?.(first, 'probe')
  const climb = followProbe()
  const probe = await runK6({
    k6,
    plan: complete(first),
    folder: join(folder, 'probe'),
    scratch: folder,
    runtime,
    onLine: (line) => {
      climb.add(line)
      options.onLine?.(line, 'probe')
    },
  })
  if (probe.reason === 'interrupted') throw interrupted()
  const rates = climb.rates()
  if (rates === null)
    throw nothingSucceeded(
      stage,
      target.urls[0] ?? '',
      probe.steps.flatMap((step) => Object.keys(step.errors)),
    )
  const allowed = rates.filter((rate) => stack.limits.load.rate === null || rate <= stack.limits.load.rate)
  const plan = planScenario({ ...aim.asked, rate: undefined, rates: allowed }, stack)
  const extent = extentOfLoads([{ target, plan }])
  assertWithinLimits(extent, stack.limits)
  await confirmLoad(extent, runtime, { yes: options.yes })
  return { aim, plan: complete(plan), queries }
}

async function record(
  stages: readonly PreparedStage[],
  scratch: string,
  k6: K6,
  options: MeasureOptions,
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
  const sampling = await startSampling(running, folder)
  let stopped = false
  try {
    for (const { plan } of stages) {
      options.onPlan?.(plan, 'test')
      const { reason } = await runK6({
        k6,
        plan,
        folder,
        scratch: join(scratch, plan.stage),
        runtime,
        onLine: (line) => options.onLine?.(line, 'test'),
      })
      stopped = reason === 'interrupted'
      if (stopped) break
    }
  } finally {
    await sampling.stop()
  }
  const loaded = await readLoadRecord(folder)
  const run = assembleRun(
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
    },
  )
  await writeRunFile(folder, run)
  return { ...(await readRecording(folder)), folder }
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

function nothingSucceeded(stage: string, url: string, errors: readonly string[]): UserError {
  const seen = [...new Set(errors)].join(', ')
  return new UserError(
    `not one request of stage ${stage} to ${url} succeeded${seen === '' ? '' : `: ${seen}`}`,
    {
      exitCode: ExitCode.unhealthy,
      hint: 'ragscale status shows what runs; ragscale loadtest --scenario smoke asks a few questions only',
      code: 'nothing-succeeded',
    },
  )
}

function interrupted(): UserError {
  return new UserError('interrupted while looking for the rates of the sweep; nothing was recorded', {
    exitCode: ExitCode.interrupted,
    code: 'interrupted',
  })
}
