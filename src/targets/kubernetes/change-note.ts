/**
 * A note on the disk for as long as Helm changes a release: a process that was killed leaves it behind, and whoever
 * finds the release `pending-upgrade` then knows that nobody is at it any more.
 */
import { readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { pid } from 'node:process'
import { z } from 'zod'
import { makeFolder } from '../../folder.ts'
import { isRunning, processStart } from '../../process-start.ts'
import { writeWhole } from '../../whole-file.ts'
import type { Place } from './place.ts'

const schema = z.object({
  release: z.string(),
  context: z.string(),
  namespace: z.string(),
  pid: z.number().int(),
  start: z.string().nullable(),
})

/** @throws the system's error */
export async function writeChangeNote(folder: string, release: string, place: Place): Promise<void> {
  const { context, namespace } = place
  await makeFolder(folder)
  const note = { release, context, namespace, pid, start: await processStart(pid) }
  await writeWhole(fileIn(folder), `${JSON.stringify(note)}\n`)
}

export async function removeChangeNote(folder: string): Promise<void> {
  await rm(fileIn(folder), { force: true })
}

/** Whether a change of this release was begun here and is not going on. */
export async function readCutOff(folder: string, release: string, place: Place): Promise<boolean> {
  const text = await readFile(fileIn(folder), 'utf8').catch(() => null)
  if (text === null) return false
  const note = schema.safeParse(parsed(text)).data
  if (note === undefined || note.release !== release) return false
  if (note.context !== place.context || note.namespace !== place.namespace) return false
  // Our own: Helm ended before the cluster could be told.
  return note.pid === pid || !(await isRunning(note.pid, note.start))
}

function fileIn(folder: string): string {
  return join(folder, 'change.json')
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return null
  }
}
