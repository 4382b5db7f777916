/** The folder of runs: one folder a run, named by its id. */
import { randomBytes } from 'node:crypto'
import { mkdir, readdir, rm, stat } from 'node:fs/promises'
import { basename, isAbsolute, join, resolve } from 'node:path'
import { closest } from 'fastest-levenshtein'
import { ExitCode, messageOf, UserError } from '../errors.ts'
import { makeFolder } from '../folder.ts'
import { diskError } from '../disk-error.ts'
import { exists, readFacts, readRunFile, runFiles, writeFacts } from './files.ts'
import { livingHolder } from '../lock.ts'
import { assertNotRecording, canRecover } from './recover.ts'
import type { Run, RunFacts, Verdict } from './run.ts'

/** `20261121-132205-embed-3f9a`: sorts by time, says what was loaded, does not collide. */
export function newRunId(startedAt: Date, stages: readonly string[]): string {
  const [date = '', time = ''] = startedAt.toISOString().split('T')
  const stamp = `${date.replaceAll('-', '')}-${time.slice(0, 8).replaceAll(':', '')}`
  return `${stamp}-${stages.join('+')}-${randomBytes(2).toString('hex')}`
}

/**
 * Makes the folder of a new run and writes down what is known of it.
 * @returns the folder's path
 * @throws {UserError} exit 2 when the id cannot be a folder's name, or a run of that name is there already
 */
export async function createRunFolder(runsFolder: string, facts: RunFacts): Promise<string> {
  if (!/^[\w][\w.+-]{0,99}$/.test(facts.id)) {
    throw new UserError(`"${facts.id}" cannot be a run's name`, {
      hint: 'Use letters, digits, dots, dashes and underscores, at most 100.',
      exitCode: ExitCode.usage,
      code: 'run-name',
    })
  }
  const folder = join(runsFolder, facts.id)
  try {
    await makeFolder(runsFolder)
  } catch (error) {
    throw diskError(`could not make ${runsFolder}`, error)
  }
  try {
    await mkdir(folder)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw diskError(`could not make ${folder}`, error)
    throw new UserError(`there is a run named ${facts.id} already, in ${runsFolder}`, {
      hint: `Choose another --name, or remove it: ragscale runs rm ${facts.id}`,
      exitCode: ExitCode.usage,
      code: 'run-exists',
    })
  }
  try {
    await writeFacts(folder, facts)
  } catch (error) {
    // Its name is free again.
    await rm(folder, { recursive: true, force: true })
    throw error
  }
  return folder
}

/** A run in a list. `incomplete`: its process was killed before `run.json` was written. */
export interface ListedRun {
  readonly id: string
  readonly folder: string
  readonly startedAt: string | null
  readonly scenario: string | null
  readonly stages: readonly string[]
  readonly target: string | null
  readonly emulated: boolean | null
  readonly verdict: Verdict | 'incomplete' | 'unreadable'
  /** Highest rate that was offered. */
  readonly offered: number | null
  /** Of an incomplete run: whether steps of it can be recovered. Of an unreadable one: why. */
  readonly note: string | null
}

/** Newest first; folders that hold no run are left out. An empty list when the folder does not exist. */
export async function listRuns(runsFolder: string): Promise<ListedRun[]> {
  const names = await folderNames(runsFolder)
  const runs: ListedRun[] = []
  for (const name of names) {
    const listed = await listOne(join(runsFolder, name))
    if (listed !== null) runs.push(listed)
  }
  return runs.toSorted(
    (a, b) => (b.startedAt ?? '').localeCompare(a.startedAt ?? '') || b.id.localeCompare(a.id),
  )
}

async function listOne(folder: string): Promise<ListedRun | null> {
  const id = basename(folder)
  const unknown = {
    id,
    folder,
    startedAt: null,
    scenario: null,
    stages: [],
    target: null,
    emulated: null,
    offered: null,
  }
  if (await exists(join(folder, runFiles.run))) {
    try {
      return { ...listed(folder, await readRunFile(folder)), id }
    } catch (error) {
      return { ...unknown, verdict: 'unreadable', note: messageOf(error) }
    }
  }
  if (await exists(join(folder, runFiles.facts))) {
    try {
      const { startedAt, scenario, stages, target, emulated } = await readFacts(folder)
      const note = (await isRecording(folder))
        ? 'still going on'
        : (await canRecover(folder))
          ? 'finished steps can be recovered'
          : 'no step was finished'
      return {
        id,
        folder,
        startedAt,
        scenario,
        stages,
        target,
        emulated,
        verdict: 'incomplete',
        offered: null,
        note,
      }
    } catch (error) {
      return { ...unknown, verdict: 'unreadable', note: messageOf(error) }
    }
  }
  if (await exists(join(folder, runFiles.load)))
    return { ...unknown, verdict: 'incomplete', note: 'facts.json is missing' }
  return null
}

function listed(folder: string, run: Run): ListedRun {
  return {
    id: run.id,
    folder,
    startedAt: run.startedAt,
    scenario: run.scenario,
    stages: run.stages,
    target: run.target,
    emulated: run.emulated,
    verdict: run.verdict,
    offered: run.steps.length === 0 ? null : Math.max(...run.steps.map((step) => step.offered)),
    note: run.verdictBecause[0] ?? null,
  }
}

/**
 * The folder of the run that a user named: an id in `runsFolder`, the path of a folder, the path of its
 * `run.json`, or `latest`.
 * @throws {UserError} exit 2, with the nearest known name
 */
export async function findRunFolder(runsFolder: string, named: string, cwd: string): Promise<string> {
  if (named === 'latest') {
    const newest = (await listRuns(runsFolder)).find((run) => run.verdict !== 'unreadable')
    if (newest !== undefined) return newest.folder
  }
  const path = isAbsolute(named) ? named : resolve(cwd, named)
  for (const candidate of [join(runsFolder, named), path]) {
    const folder = basename(candidate) === runFiles.run ? resolve(candidate, '..') : candidate
    if (await isRunFolder(folder)) return folder
  }
  const known = await folderNames(runsFolder)
  throw new UserError(`there is no run ${named} in ${runsFolder}`, {
    hint:
      known.length === 0
        ? 'Measure one: ragscale loadtest'
        : `Did you mean ${closest(named, known)}? \`ragscale runs list\` shows all.`,
    exitCode: ExitCode.usage,
    code: 'run-missing',
  })
}

/** Removes a run's folder and all that is in it. */
export async function removeRun(folder: string): Promise<void> {
  await assertNotRecording(folder)
  if (!(await isRunFolder(folder))) {
    throw new UserError(`${folder} holds no run; it is left as it is`, {
      exitCode: ExitCode.usage,
      code: 'run-missing',
    })
  }
  try {
    await rm(folder, { recursive: true })
  } catch (error) {
    throw diskError(`could not remove ${folder}`, error)
  }
}

async function isRecording(folder: string): Promise<boolean> {
  return (await livingHolder(join(folder, runFiles.lock))) !== null
}

async function isRunFolder(folder: string): Promise<boolean> {
  for (const name of [runFiles.run, runFiles.facts, runFiles.load]) {
    if (await exists(join(folder, name))) return true
  }
  return false
}

async function folderNames(runsFolder: string): Promise<string[]> {
  if (
    !(await stat(runsFolder).then(
      (found) => found.isDirectory(),
      () => false,
    ))
  )
    return []
  const entries = await readdir(runsFolder, { withFileTypes: true })
  return entries.filter((entry) => entry.isDirectory()).map((entry) => entry.name)
}
