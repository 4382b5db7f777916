import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { run } from '../../src/main.ts'
import { fakeRuntime } from './fake-runtime.ts'

let cwd: string
beforeEach(async () => {
  cwd = await mkdtemp(join(tmpdir(), 'ragscale-cli-'))
  await writeFile(
    join(cwd, 'ragscale.yaml'),
    'name: handbook\ntarget: swarm\nrehearse: true\ntiers:\n  embed: { model: BAAI/bge-small-en-v1.5 }\n',
  )
})
afterEach(async () => await rm(cwd, { recursive: true }))

test.each(['up --dry-run', 'status', 'down --dry-run', 'logs'])(
  'ragscale %s of a stack on Swarm says where it looked for an engine, and exits 3 where there is none',
  async (line) => {
    const runtime = fakeRuntime({ cwd, env: { DOCKER_HOST: `unix://${cwd}/no.sock` } })
    expect(await run(line.split(' '), runtime)).toBe(3)
    expect(runtime.err()).toContain(`no Docker engine runs at unix://${cwd}/no.sock (DOCKER_HOST)`)
    expect(runtime.out()).toBe('')
  },
)
