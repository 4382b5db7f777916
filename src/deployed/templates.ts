import { readFile, readdir } from 'node:fs/promises'
import { relative, sep } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Templates } from '../render/rendered.ts'

/** The folders of `templates/` that `render` makes files from. */
const rendered = ['balancer', 'ci', 'compose', 'helm', 'image', 'observability', 'swarm', 'systemd']

/** Reads every template, from a checkout as well as from the installed package. Throws the system's error. */
export async function readTemplates(): Promise<Templates> {
  const root = fileURLToPath(new URL('../../templates/', import.meta.url))
  const entries = await readdir(root, { recursive: true, withFileTypes: true })
  const files = entries
    .filter((entry) => entry.isFile())
    .map((entry) => `${entry.parentPath}${sep}${entry.name}`)
    .map((file) => ({ file, path: relative(root, file).replaceAll(sep, '/') }))
    .filter(({ path }) => rendered.some((folder) => path.startsWith(`${folder}/`)))
    .sort((a, b) => (a.path < b.path ? -1 : 1))
  const texts = await Promise.all(files.map(({ file }) => readFile(file, 'utf8')))
  return new Map(files.map(({ path }, index) => [path, texts[index] ?? '']))
}
