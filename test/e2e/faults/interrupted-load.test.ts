/** Ctrl-C in every phase of a load test: exit 130, what was measured is kept, nothing goes on or stays behind. */
import { existsSync, readdirSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { until } from '../local/stack-on-disk.ts'
import { faultyServer } from '../servers/faulty.ts'
import type { FaultyServer } from '../servers/faulty.ts'
import { external, faultPlace } from './place.ts'
import type { FaultPlace } from './place.ts'

let place: FaultPlace
let server: FaultyServer

beforeAll(async () => {
  place = await faultPlace('')
  server = await faultyServer('none', 3)
  await writeFile(join(place.folder, 'ragscale.yaml'), external(server.url))
})
afterEach(() => place.nothingLoads())
afterAll(async () => {
  await place.leave()
  await server.close()
})

const runs = (): string[] => {
  const folder = join(place.folder, 'runs')
  return existsSync(folder) ? readdirSync(folder) : []
}

describe('a load test that Ctrl-C ends', () => {
  test('in its warm-up is recorded as interrupted, with no step', async () => {
    const load = place.start('loadtest', '--stage', 'embed', '--name', 'warmup', '--warmup', '60s')
    await place.recorded('warmup', '"phase":"warmup"')
    load.kill('SIGINT')
    const { exitCode, stdout, stderr } = await load
    expect({ exitCode, verdict: place.runOf('warmup').verdict }).toEqual({
      exitCode: 130,
      verdict: 'interrupted',
    })
    expect(place.runOf('warmup').steps).toEqual([])
    expect(stdout).toContain('INTERRUPTED')
    expect(stderr).toContain('interrupted: what is in flight may still end')
  })

  test('in its window keeps what was measured; with --json it is still one document', async () => {
    const load = place.start(
      '--json',
      'loadtest',
      ...'--stage embed --stage generate --name window --warmup 0s --duration 60s'.split(' '),
    )
    await place.recorded('window', '"phase":"window"')
    load.kill('SIGINT')
    const { exitCode, stdout } = await load
    expect(exitCode).toBe(130)
    const run = JSON.parse(stdout) as { verdict: string; steps: { stage: string; stopped: string }[] }
    // The second stage is not begun.
    expect(run).toMatchObject({
      verdict: 'interrupted',
      steps: [{ stage: 'embed', stopped: 'interrupted' }],
    })
    expect(readdirSync(join(place.folder, 'runs', 'window'))).toEqual(
      expect.arrayContaining(['run.json', 'latency.hlog', 'report.html', 'summary.md', 'junit.xml']),
    )
  })

  test('while it looks for the rates of a sweep records nothing and says so', async () => {
    const before = runs()
    const asked = server.asked()
    const load = place.start('loadtest', '--stage', 'embed', '--scenario', 'sweep')
    await until(() => server.asked() > asked + 3)
    load.kill('SIGINT')
    const { exitCode, stderr } = await load
    expect(exitCode).toBe(130)
    expect(stderr).toContain('nothing was recorded')
    expect(runs()).toEqual(before)
  })

  test('is ended by the system as by Ctrl-C', async () => {
    const load = place.start('loadtest', '--stage', 'embed', '--name', 'term', '--warmup', '60s')
    await place.recorded('term', '"phase":"warmup"')
    load.kill('SIGTERM')
    expect((await load).exitCode).toBe(130)
    expect(place.runOf('term').verdict).toBe('interrupted')
  })
})

describe('with requests in flight that do not end', () => {
  beforeAll(async () => {
    await writeFile(join(place.folder, 'ragscale.yaml'), external(server.url).replaceAll('400ms', '60s'))
  })
  afterAll(async () => {
    server.turn('none')
    await writeFile(join(place.folder, 'ragscale.yaml'), external(server.url))
  })

  test('the first Ctrl-C waits for them in the drain, the second leaves at once', async () => {
    const load = place.start(
      'loadtest',
      ...'--stage embed --name drain --warmup 0s --duration 1s --rate 20/s'.split(' '),
    )
    await place.recorded('drain', '"type":"start"')
    server.turn('hangs')
    await place.recorded('drain', '"phase":"drain"')
    let said = ''
    load.stderr.on('data', (text) => (said += String(text)))
    load.kill('SIGINT')
    await until(() => said.includes('Ctrl-C again leaves at once'))
    load.kill('SIGINT')
    const { exitCode, stderr } = await load
    expect(exitCode).toBe(130)
    expect(stderr).toContain('interrupted twice')
  })
})

describe('before anything is loaded', () => {
  let silent: Server
  let knocked = 0

  beforeAll(async () => {
    silent = createServer(() => (knocked += 1))
    await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve))
    const { port } = silent.address() as AddressInfo
    await writeFile(join(place.folder, 'ragscale.yaml'), external(`http://127.0.0.1:${port}`))
  })
  afterAll(() => {
    silent.closeAllConnections()
    silent.close()
  })

  test('a server that never answers does not keep Ctrl-C waiting', async () => {
    const before = runs()
    const load = place.start('--json', 'loadtest', '--stage', 'embed')
    await until(() => knocked > 0)
    load.kill('SIGINT')
    const { exitCode, stdout } = await load
    expect(exitCode).toBe(130)
    expect(JSON.parse(stdout)).toMatchObject({
      error: { code: 'interrupted', message: 'interrupted; nothing was recorded' },
    })
    expect(runs()).toEqual(before)
  })
})
