import { resolve } from 'node:path'
import type { GlobalOptions } from '../cli.ts'
import { ExitCode, UserError } from '../errors.ts'
import { loadStages } from '../load/plan.ts'
import type { LoadStage, PlanArrivals } from '../load/plan.ts'
import { scenarios } from '../load/scenario.ts'
import type { Scenario } from '../load/scenario.ts'
import { readTrace } from '../load/trace.ts'
import { liveView, silentView } from '../loop/live-view.ts'
import { measure } from '../loop/measure.ts'
import { openRunning } from '../loop/open.ts'
import { exitCodeOf, publish } from '../loop/publish.ts'
import { readStackFile } from '../loop/stack-file.ts'
import { styleOf } from '../loop/terminal-style.ts'
import { renderRun } from '../report/terminal.ts'
import type { Runtime } from '../runtime.ts'
import { parseArrivals } from '../stack/arrivals.ts'
import { parseCount, parseDuration, parseRate } from '../stack/units.ts'

export interface LoadtestOptions extends GlobalOptions {
  readonly stage: readonly string[]
  readonly scenario?: string
  readonly rate?: string
  readonly rates?: string
  readonly duration?: string
  readonly warmup?: string
  readonly arrivals?: string
  readonly seed?: string
  readonly runs: string
  readonly name?: string
  readonly maxInFlight?: string
  readonly unique: boolean
}

/** One scenario on one stage or more → a run. Exit 5 when an SLO broke, 6 when the measurement is invalid. */
export async function loadtest(options: LoadtestOptions, runtime: Runtime): Promise<ExitCode> {
  const stages = options.stage.map(stageNamed)
  const scenario = scenarioNamed(options)
  const numbers = {
    rate: options.rate === undefined ? undefined : parseRate(options.rate, '--rate'),
    rates: options.rates?.split(',').map((rate) => parseRate(rate.trim(), '--rates')),
    durationMs: options.duration === undefined ? undefined : parseDuration(options.duration, '--duration'),
    warmupMs: options.warmup === undefined ? undefined : parseDuration(options.warmup, '--warmup'),
    seed: options.seed === undefined ? undefined : parseCount(options.seed, '--seed'),
    maxInFlight:
      options.maxInFlight === undefined ? undefined : parseCount(options.maxInFlight, '--max-in-flight'),
    arrivals: options.arrivals === undefined ? undefined : await arrivalsOf(options.arrivals, runtime),
  }
  const stack = await readStackFile(options, runtime)
  const running = await openRunning(stack, runtime)
  const view = options.quiet
    ? silentView
    : liveView(runtime.stderr, styleOf(runtime.stderr, runtime, options.color))
  const measured = await measure(
    {
      stack,
      running,
      stages,
      scenario,
      ...numbers,
      unique: options.unique ? true : undefined,
      runsFolder: options.runs,
      name: options.name,
      yes: options.yes,
      onPlan: view.plan,
      onLine: view.line,
      onNotice: view.notice,
      onBuild: view.build,
    },
    runtime,
  ).finally(async () => {
    view.end()
    await running.close()
  })
  // The run is on the disk: what a full disk does to its pages does not hide what was measured.
  const failure = await publish(measured).then(
    () => null,
    (error: unknown) => ({ error }),
  )
  if (options.json) {
    if (failure === null) runtime.stdout.write(`${JSON.stringify(measured.run)}\n`)
  } else {
    runtime.stdout.write(renderRun(measured.run, styleOf(runtime.stdout, runtime, options.color)))
  }
  if (failure !== null) throw withoutPages(failure.error, measured.run.id)
  if (!options.json && !options.quiet)
    runtime.stderr.write(`\nrun ${measured.run.id}: ${measured.folder}/report.html\n`)
  return exitCodeOf(measured.run.verdict)
}

function withoutPages(error: unknown, id: string): unknown {
  if (!(error instanceof UserError)) return error
  return new UserError(`run ${id} is recorded, and its pages are not: ${error.message}`, {
    exitCode: error.exitCode,
    code: error.code,
    hint: `${error.hint === undefined ? '' : `${error.hint}\n`}ragscale report ${id} --html report.html   writes them again`,
    cause: error,
  })
}

function stageNamed(name: string): LoadStage {
  const stage = loadStages.find((known) => known === name)
  if (stage !== undefined) return stage
  throw new UserError(`--stage ${name}: there is no such stage to load`, {
    exitCode: ExitCode.usage,
    hint:
      name === 'ingest'
        ? 'Ingesting is measured by doing it: ragscale ingest <folder> prints its rate.'
        : `one of ${loadStages.join(', ')}`,
  })
}

/** `--rates` means a sweep, a trace a replay, else one rate is held. */
function scenarioNamed({ scenario, rates, arrivals }: LoadtestOptions): Scenario {
  if (scenario === undefined) {
    if (rates !== undefined) return 'sweep'
    return arrivals?.startsWith('trace:') === true ? 'replay' : 'steady'
  }
  const known = scenarios.find((name) => name === scenario)
  if (known !== undefined) return known
  throw new UserError(`--scenario ${scenario}: there is no such scenario`, {
    exitCode: ExitCode.usage,
    hint: `one of ${scenarios.join(', ')}`,
  })
}

async function arrivalsOf(text: string, { cwd }: Runtime): Promise<PlanArrivals> {
  const arrivals = parseArrivals(text, '--arrivals')
  if (arrivals.kind !== 'trace') return arrivals.kind === 'gamma' ? { ...arrivals } : { kind: arrivals.kind }
  return { kind: 'trace', offsetsMs: await readTrace(resolve(cwd, arrivals.file)) }
}
