/** A run whose process was killed before it could write `run.json`, made of what is on the disk. */
import { stat } from 'node:fs/promises'
import { join } from 'node:path'
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
 * @throws {UserError} when no step was finished
 */
export async function recoverRun(folder: string): Promise<Run> {
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
  return run
}
