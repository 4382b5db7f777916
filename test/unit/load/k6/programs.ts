import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { execPath } from 'node:process'
import { afterEach } from 'vitest'

const folders: string[] = []

afterEach(async () => {
  for (const folder of folders.splice(0)) await rm(folder, { recursive: true, force: true })
})

export async function scratchFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'ragscale-k6-'))
  folders.push(folder)
  return folder
}

/** An executable at a path that runs this JavaScript. */
export async function program(path: string, code: string): Promise<string> {
  await mkdir(dirname(path), { recursive: true })
  await writeFile(path, `#!${execPath}\n${code}\n`)
  await chmod(path, 0o755)
  return path
}

/** A program that says that it is k6. */
export const sayingVersion = (version: string, extension = 'k6/x/ragscale'): string =>
  `if (process.argv[2] === 'version') console.log(${JSON.stringify(`k6 v${version} (go1.26.0, linux/amd64)\nExtensions:\n  ragscale.dev/xk6-ragscale/module, ${extension} [js]`)})`

/** Sources of an extension, smallest that hash. */
export async function extensionSources(folder: string, k6 = '1.8.1'): Promise<string> {
  await writeFile(
    join(folder, 'go.mod'),
    `module ragscale.dev/xk6-ragscale\n\ngo 1.25.0\n\nrequire go.k6.io/k6 v${k6}\n`,
  )
  await writeFile(join(folder, 'go.sum'), '')
  await writeFile(join(folder, 'main.go'), 'package main\n')
  return folder
}
