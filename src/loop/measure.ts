/** One load test, from a stack that runs to a run on the disk: what joins load/, targets/ and recording/. */
import { mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { ExitCode, UserError } from '../errors.ts'
import { endpointTarget } from '../load/endpoints.ts'
import type { RunningUrls } from '../load/endpoints.ts'
import type { BuildProgress } from '../load/k6/build.ts'
import { findK6 } from '../load/k6/find.ts'
import type { K6 } from '../load/k6/find.ts'
import { loadStages } from '../load/plan.ts'
import type { LoadPlan, LoadStage, ScenarioPlan } from '../load/plan.ts'
import { followProbe } from '../load/probe.ts'
import { prepareQueries } from '../load/queries.ts'
import { assertReachable } from '../load/reachable.ts'
import { runK6 } from '../load/run.ts'
import { assertWithinLimits, confirmLoad, extentOfLoads } from '../load/safety.ts'
import { completePlan, planScenario } from '../load/scenario.ts'
import { tryOnce } from '../load/trial.ts'
import type { LoadLine, StepLine } from '../recording/load-lines.ts'
import { acquireLock } from '../lock.ts'
import type { Runtime } from '../runtime.ts'
import type { Stack } from '../stack/stack.ts'
import { isProvided } from './provided.ts'
import { aimAt, allowLoad } from './aim.ts'
import type { Aim, AskedLoad } from './aim.ts'
import { record } from './record.ts'
import type { Measured, PreparedStage } from './record.ts'
import { interruption } from './interruption.ts'
import type { Interruption } from './interruption.ts'
import { type RunningStack, knowing } from './running.ts'

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
  readonly onBuild?: (progress: BuildProgress) => void
}

/**
 * @throws {UserError} exit 2 for options that do not fit, 3 without k6, 4 for a target that is not there,
 * 1 when another load test runs on this stack or k6 fails
 */
export async function measure(options: MeasureOptions, unknowing: Runtime): Promise<Measured> {
  const { stack, running } = options
  const runtime = knowing(unknowing, running)
  const stages = options.stages.length > 0 ? options.stages : defaultStages(stack, running.urls)
  const aims = stages.map((stage) => aimAt(stage, options, running.urls))
  await allowLoad(aims, stack, runtime, { yes: options.yes })
  // k6 answers the second Ctrl-C by itself: it is killed, and what it had written is kept.
  const interrupt = interruption(runtime, 'nothing was recorded', 3)
  interrupt.signal.addEventListener('abort', () => options.onNotice?.(ending), { once: true })
  try {
    const k6 = await findK6(runtime, {
      ...(options.onBuild === undefined ? {} : { onProgress: options.onBuild }),
      signal: interrupt.signal,
    })
    const lock = await acquireLock(join(stack.folder, '.ragscale', 'loadtest.lock'), {
      pid: running.pid,
      what: `ragscale loadtest --stage ${stages.join(' --stage ')}`,
      since: new Date(runtime.now()).toISOString(),
    })
    try {
      return await measureLocked(aims, k6, options, runtime, interrupt)
    } finally {
      await lock.release()
    }
  } catch (error) {
    throw interrupt.explain(error)
  } finally {
    interrupt.stop()
  }
}

const ending = 'interrupted: what is in flight may still end; Ctrl-C again leaves at once'

/** Plans and queries are written beside the stack: whoever holds its lock clears away what a killed one left. */
async function measureLocked(
  aims: readonly Aim[],
  k6: K6,
  options: MeasureOptions,
  runtime: Runtime,
  interrupt: Interruption,
): Promise<Measured> {
  const scratch = join(options.stack.folder, '.ragscale', 'loadtest')
  await rm(scratch, { recursive: true, force: true })
  try {
    await mkdir(scratch, { recursive: true, mode: 0o700 })
    const prepared: PreparedStage[] = []
    for (const aim of aims) {
      interrupt.throwIfCame()
      prepared.push(await prepareStage(aim, scratch, k6, options, runtime, interrupt.signal))
    }
    interrupt.throwIfCame()
    return await record(prepared, scratch, { ...options, k6, signal: interrupt.signal }, runtime)
  } finally {
    await rm(scratch, { recursive: true, force: true })
  }
}

function defaultStages(stack: Stack, urls: RunningUrls): LoadStage[] {
  const able = loadStages.filter((stage) => {
    const name = stage === 'retrieve' ? 'vector' : stage
    // A provider answers whatever runs here, for money: it is loaded alone only where somebody asks for that.
    return endpointTarget(name, stack, urls) !== null && !isProvided(stack, stage)
  })
  if (able.length === 0 && stack.target !== 'external') {
    throw new UserError(`${stack.name} does not run, so there is nothing to load`, {
      hint: 'ragscale up',
      exitCode: ExitCode.unhealthy,
      code: 'not-running',
    })
  }
  return able.includes('pipeline') || able.length === 0 ? ['pipeline'] : able
}

/** Checks that the stage's target is there, makes its queries complete and decides its rates. */
async function prepareStage(
  aim: Aim,
  scratch: string,
  k6: K6,
  options: MeasureOptions,
  runtime: Runtime,
  signal: AbortSignal,
): Promise<PreparedStage> {
  const { stack } = options
  const { stage, target, first } = aim
  const { env } = runtime
  await assertReachable({ stage, target, runsOn: stack.target, env, signal })
  const folder = join(scratch, stage)
  await mkdir(folder, { recursive: true })
  const { embed, vector } = aim
  const queries = await prepareQueries({ stage, stack, folder, embed, vector, env, signal })
  for (const notice of queries.notices) options.onNotice?.(notice)
  if (stack.target === 'external')
    await tryOnce({ stage, target, queriesFile: queries.file, env, timeoutMs: first.timeoutMs, signal })
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
    signal,
    onLine: (line) => {
      climb.add(line)
      options.onLine?.(line, 'probe')
    },
  })
  if (probe.reason === 'interrupted') throw interrupted()
  const rates = climb.rates()
  if (rates === null || failsByItself(probe.steps[0]))
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

/** What a load does to a server: errors of these kinds may be its limit, which a sweep is there to find. */
const ofLoad: ReadonlySet<string> = new Set(['timeout', 'shed', 'http_429', 'http_503'])

/** Whether most requests of a step failed for reasons that no lower rate would mend. */
function failsByItself(step: StepLine | undefined): boolean {
  if (step === undefined) return false
  const failures = Object.entries(step.errors).filter(([label]) => !ofLoad.has(label))
  return failures.reduce((sum, [, count]) => sum + count, 0) > step.scheduled / 2
}

function nothingSucceeded(stage: string, url: string, errors: readonly string[]): UserError {
  const seen = [...new Set(errors)].join(', ')
  return new UserError(
    `hardly a request of stage ${stage} to ${url} succeeded, at the lowest rate already${seen === '' ? '' : `: ${seen}`}`,
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
