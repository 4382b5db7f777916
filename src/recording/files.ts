/** The files of a run's folder, read and written. */
import { createReadStream } from 'node:fs'
import { access, readFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { createInterface } from 'node:readline'
import { diskError } from '../disk-error.ts'
import { ExitCode, messageOf, UserError } from '../errors.ts'
import { readHlog } from './hlog.ts'
import {
  parseLoadLine,
  type EndLine,
  type IntervalLine,
  type LoadLine,
  type StartLine,
  type StepLine,
} from './load-lines.ts'
import { parseResourceLine, type ResourceSample } from './resources.ts'
import { parseRun, runFacts, type Run, type RunFacts } from './run.ts'
import type { SeriesByTag } from './series.ts'
import { writeWhole } from '../whole-file.ts'

/** Names of the files in a run's folder. */
export const runFiles = {
  run: 'run.json',
  /** What was known when the run began: with it a run whose process was killed can be recovered. */
  facts: 'facts.json',
  latency: 'latency.hlog',
  load: 'load.ndjson',
  /** Held by the process that records the run: what looks half-written may only be unfinished. */
  lock: 'recording.lock',
  resources: 'resources.ndjson',
  k6Log: 'k6.log',
  html: 'report.html',
  markdown: 'summary.md',
  junit: 'junit.xml',
} as const

/** A run with everything that was recorded beside it. */
export interface Recording {
  readonly run: Run
  readonly series: SeriesByTag
  readonly intervals: readonly IntervalLine[]
  readonly resources: readonly ResourceSample[]
}

export interface LoadRecord {
  readonly starts: StartLine[]
  readonly intervals: IntervalLine[]
  readonly steps: StepLine[]
  readonly ends: EndLine[]
}

/** `load.ndjson`, of one stage or of several one after another; a half-written last line is left out. */
export async function readLoadRecord(folder: string): Promise<LoadRecord> {
  const record: LoadRecord = { starts: [], intervals: [], steps: [], ends: [] }
  for await (const line of linesOf(join(folder, runFiles.load))) {
    const parsed = parseLoadLine(line)
    if (parsed !== null) sort(parsed, record)
  }
  return record
}

function sort(line: LoadLine, record: LoadRecord): void {
  switch (line.type) {
    case 'start':
      record.starts.push(line)
      break
    case 'interval':
      record.intervals.push(line)
      break
    case 'step':
      record.steps.push(line)
      break
    case 'end':
      record.ends.push(line)
      break
  }
}

/** `resources.ndjson`; empty when the target sampled nothing. */
export async function readResources(folder: string): Promise<ResourceSample[]> {
  const path = join(folder, runFiles.resources)
  if (!(await exists(path))) return []
  const samples: ResourceSample[] = []
  for await (const line of linesOf(path)) {
    const sample = parseResourceLine(line)
    if (sample !== null) samples.push(sample)
  }
  return samples
}

/** `latency.hlog`; empty when not one interval was written. */
export async function readSeries(folder: string): Promise<SeriesByTag> {
  const path = join(folder, runFiles.latency)
  return (await exists(path)) ? await readHlog(path) : new Map()
}

/** A finished run and all that is beside it. */
export async function readRecording(folder: string): Promise<Recording> {
  const run = await readRunFile(folder)
  const loadPath = join(folder, runFiles.load)
  const intervals = (await exists(loadPath)) ? (await readLoadRecord(folder)).intervals : []
  return { run, series: await readSeries(folder), intervals, resources: await readResources(folder) }
}

/** @throws {UserError} when there is no `run.json`, or it cannot be understood */
export async function readRunFile(folder: string): Promise<Run> {
  const path = join(folder, runFiles.run)
  if (!(await exists(path)) && (await exists(join(folder, runFiles.facts)))) {
    throw new UserError(`run ${basename(folder)} was not finished: it has no ${runFiles.run}`, {
      hint: `ragscale report ${basename(folder)}   recovers the steps that were finished`,
      exitCode: ExitCode.usage,
      code: 'run-incomplete',
    })
  }
  const json = await readJson(path, `Move it away, and ragscale report ${basename(folder)} makes it anew.`)
  return parseRun(json, path)
}

/** @throws {UserError} as `readRunFile` */
export async function readFacts(folder: string): Promise<RunFacts> {
  const path = join(folder, runFiles.facts)
  const parsed = runFacts.safeParse(await readJson(path))
  if (parsed.success) return parsed.data
  throw new UserError(`${path} is damaged: ${parsed.error.issues[0]?.message ?? ''}`, {
    exitCode: ExitCode.usage,
    code: 'run-unreadable',
  })
}

/** Whole or not at all: a disk that fills leaves what was there before. */
export async function writeRunFile(folder: string, run: Run): Promise<void> {
  await writeText(join(folder, runFiles.run), `${JSON.stringify(run, null, 2)}\n`)
}

export async function writeFacts(folder: string, facts: RunFacts): Promise<void> {
  await writeText(join(folder, runFiles.facts), `${JSON.stringify(facts, null, 2)}\n`)
}

/** Atomically. @throws {UserError} when the disk refuses; a file already there is then left as it was */
export async function writeText(path: string, text: string): Promise<void> {
  try {
    await writeWhole(path, text)
  } catch (error) {
    throw diskError(`could not write ${path}`, error)
  }
}

export async function exists(path: string): Promise<boolean> {
  return await access(path).then(
    () => true,
    () => false,
  )
}

async function readJson(path: string, cure?: string): Promise<unknown> {
  let text: string
  try {
    text = await readFile(path, 'utf8')
  } catch (error) {
    throw new UserError(`could not read ${path}: ${messageOf(error)}`, {
      cause: error,
      exitCode: ExitCode.usage,
      code: 'run-unreadable',
    })
  }
  try {
    return JSON.parse(text)
  } catch (error) {
    throw new UserError(`${path} is damaged: ${messageOf(error).replaceAll(/\s+/g, ' ')}`, {
      ...(cure === undefined ? {} : { hint: cure }),
      cause: error,
      exitCode: ExitCode.usage,
      code: 'run-unreadable',
    })
  }
}

async function* linesOf(path: string): AsyncGenerator<string> {
  try {
    yield* createInterface({ input: createReadStream(path), crlfDelay: Infinity })
  } catch (error) {
    throw new UserError(`could not read ${path}: ${messageOf(error)}`, { cause: error })
  }
}
