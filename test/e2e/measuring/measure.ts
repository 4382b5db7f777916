import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { completePlan, planScenario } from '../../../src/load/scenario.ts'
import type { ScenarioOptions } from '../../../src/load/scenario.ts'
import { findK6 } from '../../../src/load/k6/find.ts'
import type { LoadTarget } from '../../../src/load/plan.ts'
import { runK6 } from '../../../src/load/run.ts'
import type { K6Run } from '../../../src/load/run.ts'
import { readHlog } from '../../../src/recording/hlog.ts'
import type { ResourceSample } from '../../../src/recording/resources.ts'
import type { RunStep } from '../../../src/recording/run.ts'
import type { SeriesByTag } from '../../../src/recording/series.ts'
import { buildSteps } from '../../../src/recording/steps.ts'
import { processRuntime } from '../../../src/runtime.ts'
import { stackWith } from '../../unit/load/stacks.ts'

const runtime = processRuntime()

export interface Measured {
  readonly run: K6Run
  /** As `run.json` will hold them, each with its own word on whether it may be believed. */
  readonly steps: readonly RunStep[]
  readonly series: SeriesByTag
}

/** One load test as `ragscale loadtest` makes it: scenario → plan → k6 → steps. */
export async function measure(
  scenario: ScenarioOptions,
  target: LoadTarget,
  queries: readonly object[],
  options: {
    /** What the server under test says of itself, asked when the run is over. */
    readonly resources?: () => Promise<readonly ResourceSample[]>
    readonly signal?: AbortSignal
  } = {},
): Promise<Measured> {
  const folder = await mkdtemp(join(tmpdir(), 'ragscale-measuring-'))
  try {
    const file = join(folder, 'queries.jsonl')
    await writeFile(file, queries.map((query) => `${JSON.stringify(query)}\n`).join(''))
    const plan = completePlan(
      planScenario(scenario, stackWith()),
      target,
      { file, count: queries.length },
      null,
    )
    const host = sampleHost()
    const { resources, signal } = options
    const run = await runK6({
      k6: await findK6(runtime),
      plan,
      folder,
      scratch: folder,
      runtime,
      ...(signal === undefined ? {} : { signal }),
    })
    const samples = [...host.stop(), ...((await resources?.()) ?? [])]
    const series = await readHlog(join(folder, 'latency.hlog'))
    const steps = buildSteps(
      { steps: run.steps, series, resources: samples, generatorsLost: [] },
      { target: 'external', slos: [], cpuCoresAvailable: run.cpuCoresAvailable },
    )
    return { run, steps, series }
  } finally {
    await rm(folder, { recursive: true })
  }
}

/** The share of the machine's CPU that is busy or stolen, each half second, from `/proc/stat` where there is one. */
function sampleHost(): { stop(): ResourceSample[] } {
  const samples: ResourceSample[] = []
  let before: { busy: number; total: number } | null = null
  const sample = async (): Promise<void> => {
    const now = await readCpu()
    if (now !== null && before !== null && now.total > before.total) {
      samples.push({
        at: Date.now(),
        hostCpu: Math.min(1, (now.busy - before.busy) / (now.total - before.total)),
      })
    }
    before = now
  }
  const timer = setInterval(() => void sample(), 500)
  void sample()
  return {
    stop: () => {
      clearInterval(timer)
      return samples
    },
  }
}

async function readCpu(): Promise<{ busy: number; total: number } | null> {
  const text = await readFile('/proc/stat', 'utf8').catch(() => '')
  const [, ...fields] = text.split('\n')[0]?.split(/\s+/) ?? []
  // user, nice, system, idle, iowait, irq, softirq, steal
  const times = fields.slice(0, 8).map(Number)
  const total = times.reduce((sum, time) => sum + time, 0)
  return times.length < 8 ? null : { busy: total - (times[3] ?? 0) - (times[4] ?? 0), total }
}

/**
 * Measures until the product itself calls the measurement valid; what was measured beside that has no part in it.
 */
export async function measureValid(
  attempt: () => Promise<Measured>,
): Promise<{ readonly measured: Measured } | { readonly invalid: string[] }> {
  const reasons: string[] = []
  for (let attempts = 1; attempts <= 3; attempts++) {
    const measured = await attempt()
    const because = measured.steps.flatMap((step) => step.invalidBecause)
    if (because.length === 0) return { measured }
    reasons.push(because.join('; '))
  }
  return { invalid: reasons }
}
