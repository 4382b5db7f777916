/** The files that `init` writes beside `ragscale.yaml`. */
import { access, mkdir, readFile } from 'node:fs/promises'
import { dirname, join, relative } from 'node:path'
import { stackJsonSchema } from '../json-schema.ts'
import { starterQueries } from '../presets.ts'
import type { Stack } from '../stack.ts'
import { writeWhole } from '../../whole-file.ts'

export interface Written {
  /** Absolute. */
  readonly path: string
  /** Written now, or there before and left as it was. */
  readonly kept: boolean
  readonly what: string
}

/** Throws the file system's error; each file is whole or as it was. */
export async function writeStack(text: string, stack: Stack): Promise<Written[]> {
  const written: Written[] = []
  const write = async (path: string, content: string, what: string): Promise<void> => {
    await mkdir(dirname(path), { recursive: true })
    await writeWhole(path, content)
    written.push({ path, kept: false, what })
  }
  await write(stack.file, text, 'the stack')
  await write(join(stack.folder, '.ragscale', 'schema.json'), stackJsonSchema(), 'what an editor knows of it')
  const { queries } = stack.workload
  if (queries !== null && (await exists(queries)))
    written.push({ path: queries, kept: true, what: 'your queries' })
  else if (queries !== null) {
    await write(queries, await starterQueries(), 'a few general questions: put what your users ask there')
  }
  const ignored = await ignoring(stack.folder)
  if (ignored !== null) await write(join(stack.folder, '.gitignore'), ignored, 'what git leaves out')
  return written
}

export async function exists(path: string): Promise<boolean> {
  return await access(path).then(
    () => true,
    () => false,
  )
}

/** What a running stack and load tests leave, which does not belong in a repository. */
const ignoredFolders = ['.ragscale/', 'runs/']

/** The folder's `.gitignore` with our folders in it; null outside of a repository and when git leaves them out already. */
async function ignoring(folder: string): Promise<string | null> {
  const above = await foldersOfRepository(folder)
  if (above === null) return null
  const own = await textOf(join(folder, '.gitignore'))
  const lines = new Set<string>()
  for (const other of above) {
    const prefix = relative(other, folder)
    for (const line of (await textOf(join(other, '.gitignore'))).split(/\r?\n/)) {
      const rooted = line.startsWith('/')
      const pattern = rooted ? line.slice(1) : line
      // A rooted pattern of a folder above counts when it leads here.
      if (!rooted || prefix === '') lines.add(pattern.replace(/\/?$/, '/'))
    }
  }
  const missing = ignoredFolders.filter((entry) => !lines.has(entry))
  if (missing.length === 0) return null
  const before = own === '' || own.endsWith('\n') ? own : `${own}\n`
  return `${before}${missing.join('\n')}\n`
}

/** From `folder` up to the one that holds `.git`; null when none does. */
async function foldersOfRepository(folder: string): Promise<string[] | null> {
  const folders: string[] = []
  for (let at = folder; ; at = dirname(at)) {
    folders.push(at)
    if (await exists(join(at, '.git'))) return folders
    if (dirname(at) === at) return null
  }
}

async function textOf(path: string): Promise<string> {
  return await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return ''
    throw error
  })
}
