import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach } from 'vitest'
import { run } from '../../src/main.ts'
import { fakeRuntime } from './fake-runtime.ts'

export const embedOnly = `name: handbook
target: local
tiers:
  embed: { model: BAAI/bge-small-en-v1.5, replicas: 2 }
`

/** A folder for each test, in which `ragscale` runs in-process; nothing in it is ever started. */
export function inFolder() {
  let cwd = ''
  beforeEach(async () => {
    cwd = await mkdtemp(join(tmpdir(), 'ragscale-cli-'))
    await writeFile(join(cwd, 'ragscale.yaml'), embedOnly)
  })
  afterEach(async () => {
    await rm(cwd, { recursive: true, force: true })
  })
  return {
    folder: () => cwd,
    files: async () => await readdir(cwd),
    write: async (yaml: string) => await writeFile(join(cwd, 'ragscale.yaml'), yaml),
    ragscale: async (args: string, answers?: Readonly<Record<string, string | boolean>>) => {
      const runtime = fakeRuntime({ cwd, ...(answers === undefined ? {} : { answers }) })
      const exitCode = await run(args.split(' '), runtime)
      return { exitCode, out: runtime.out(), err: runtime.err() }
    },
  }
}
