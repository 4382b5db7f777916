/** Where the k6 extension and the scripts are: beside `src/` in a checkout, beside `dist/` in the package. */
import { createHash } from 'node:crypto'
import { readFile, readdir } from 'node:fs/promises'
import { join, sep } from 'node:path'
import { fileURLToPath } from 'node:url'

const packageRoot = fileURLToPath(new URL('../../..', import.meta.url))

export const extensionFolder = join(packageRoot, 'xk6-ragscale')
export const scriptsFolder = join(packageRoot, 'k6-scripts')

export function scriptOf(stage: string): string {
  return join(scriptsFolder, `${stage}.ts`)
}

export interface ExtensionSources {
  readonly folder: string
  /** Pinned in `go.mod`, without the `v`: `1.8.1`. */
  readonly k6Version: string
  /** Of everything that the binary is built from; the key of the cache. */
  readonly hash: string
}

/** Reads the sources of the extension: `go.mod`, `go.sum`, and every Go file that is not a test. */
export async function readSources(folder: string = extensionFolder): Promise<ExtensionSources> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true })
  const files = entries
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .filter((file) => /(?:\.go|go\.mod|go\.sum)$/.test(file) && !file.endsWith('_test.go'))
    .sort()
  const hash = createHash('sha256')
  let goMod = ''
  for (const file of files) {
    const text = await readFile(file, 'utf8')
    const name = file.slice(folder.length + 1).replaceAll(sep, '/')
    if (name === 'go.mod') goMod = text
    hash.update(`${name}\0${text.length}\0${text}`)
  }
  return { folder, k6Version: k6VersionIn(goMod), hash: hash.digest('hex').slice(0, 16) }
}

/** `1.8.1` of `go.k6.io/k6 v1.8.1`. */
export function k6VersionIn(goMod: string): string {
  const version = /^\s*(?:require\s+)?go\.k6\.io\/k6\s+v(\S+)/m.exec(goMod)?.[1]
  if (version === undefined) throw new Error('go.mod of the extension does not pin go.k6.io/k6')
  return version
}
