/** A run whose process was killed before it could write `run.json`, made of what is on the disk. */
import { rm, stat } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { ExitCode, UserError } from '../errors.ts'
import { assembleRun } from './assemble.ts'
import {
  exists,
  readFacts,
  readLoadRecord,
  readResources,
  readSeries,
  runFiles,
  writeRunFile,
} from './files.ts'
import { livingHolder } from '../lock.ts'
import type { Run } from './run.ts'

/** Whether at least one step of it was finished. */
export async function canRecover(folder: string): Promise<boolean> {
  for (const name of [runFiles.facts, runFiles.load]) {
    if (!(await exists(join(folder, name)))) return false
  }
  return (await readLoadRecord(folder)).steps.length > 0
}

/**
 * Writes `run.json` with the steps that were finished and the verdict `interrupted`.
 * @throws {UserError} when no step was finished, or the run is still going on
 */
export async function recoverRun(folder: string): Promise<Run> {
  await assertNotRecording(folder)
  if (!(await canRecover(folder))) {
    throw new UserError(`${folder} cannot be recovered: no step of it was finished`, {
      hint: `Remove it: ragscale runs rm ${folder}`,
      exitCode: ExitCode.invalid,
      code: 'run-incomplete',
    })
  }
  const record = await readLoadRecord(folder)
  const run = assembleRun(
    await readFacts(folder),
    record.starts,
    {
      steps: record.steps,
      series: await readSeries(folder),
      resources: await readResources(folder),
      generatorsLost: [],
    },
    {
      endedAt: (await stat(join(folder, runFiles.load))).mtime.toISOString(),
      interrupted: true,
      intervals: record.intervals,
    },
  )
  await writeRunFile(folder, run)
  await rm(join(folder, runFiles.lock), { force: true })
  return run
}

/** @throws {UserError} exit 1 while a process is still recording the run */
export async function assertNotRecording(folder: string): Promise<void> {
  const holder = await livingHolder(join(folder, runFiles.lock))
  if (holder === null) return
  throw new UserError(`run ${basename(folder)} is still going on: ${holder.what} (process ${holder.pid})`, {
    hint: 'Wait for it to end; Ctrl-C there ends it with its record kept.',
    code: 'run-going-on',
  })
}
