/**
 * A note on the disk of the cluster and the namespace that a stack was last brought up in: kubectl's context is the
 * whole machine's, and who has changed it for something else must not make a second stack, nor take none for gone.
 */
import { readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import { ExitCode, UserError } from '../../errors.ts'
import { makeFolder } from '../../folder.ts'
import { writeWhole } from '../../whole-file.ts'
import { type Place, contextVariable, placeWords } from './place.ts'

const schema = z.object({ context: z.string(), namespace: z.string(), server: z.string() })

export type LastPlace = z.infer<typeof schema>

/** @throws the system's error */
export async function writeLastPlace(folder: string, { context, namespace, server }: Place): Promise<void> {
  await makeFolder(folder)
  await writeWhole(fileIn(folder), `${JSON.stringify({ context, namespace, server })}\n`)
}

export async function removeLastPlace(folder: string): Promise<void> {
  await rm(fileIn(folder), { force: true })
}

/** Null where it was never brought up from here, or was taken down. */
export async function readLastPlace(folder: string): Promise<LastPlace | null> {
  const text = await readFile(fileIn(folder), 'utf8').catch(() => null)
  if (text === null) return null
  try {
    return schema.parse(JSON.parse(text))
  } catch {
    // Half a note says nothing.
    return null
  }
}

/** By server and namespace, whatever a context is called now; a place that is named is meant. */
export function isElsewhere(place: Place, last: LastPlace | null): last is LastPlace {
  if (last === null || place.isNamed) return false
  return last.server !== place.server || last.namespace !== place.namespace
}

/** @throws UserError (exit 2) where this is not the place that the stack was last brought up in */
export function assertSamePlace(place: Place, last: LastPlace | null): void {
  if (!isElsewhere(place, last)) return
  throw new UserError(
    `this stack was last brought up in ${placeWords(last)} (${last.server}), and kubectl is at ${placeWords(place)} (${place.server}) now`,
    {
      hint: [
        `kubectl config use-context ${last.context} && kubectl config set-context --current --namespace ${last.namespace}   goes back there`,
        `${contextVariable}=${place.context} before the command says that the place of now is meant`,
      ].join('\n'),
      exitCode: ExitCode.usage,
      code: 'another-cluster',
    },
  )
}

function fileIn(folder: string): string {
  return join(folder, 'place.json')
}
