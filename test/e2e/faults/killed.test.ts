/** Processes that die without a word, and two that want the same stack. */
import { existsSync, readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { until } from '../local/stack-on-disk.ts'
import { external, faultPlace } from './place.ts'
import type { FaultPlace } from './place.ts'
import { faultyServer } from '../servers/faulty.ts'
import type { FaultyServer } from '../servers/faulty.ts'

let place: FaultPlace
let server: FaultyServer

beforeAll(async () => {
  server = await faultyServer('none')
  place = await faultPlace(external(server.url))
})
afterAll(async () => {
  await place.leave()
  await server.close()
})

/** Two steps, of which the first is soon finished. */
function sweep(name: string, duration = '2s') {
  return place.start(
    'loadtest',
    ...`--stage embed --name ${name} --rates 20/s,30/s --warmup 0s --duration ${duration}`.split(' '),
  )
}

async function listed(name: string): Promise<{ verdict: string; note: string | null } | undefined> {
  const { runs } = (await place.json('runs', 'list')) as {
    runs: { id: string; verdict: string; note: string | null }[]
  }
  return runs.find(({ id }) => id === name)
}

describe('a load test whose process is killed', () => {
  test('stops loading, is listed as incomplete, and report recovers its finished steps', async () => {
    const load = sweep('killed')
    await place.recorded('killed', '"type":"step"')
    load.kill('SIGKILL')
    await load
    await until(() => generatorOf('killed') === null)
    expect(await listed('killed')).toMatchObject({
      verdict: 'incomplete',
      note: 'finished steps can be recovered',
    })
    const { exitCode, stdout, stderr } = await place.ragscale('report', 'killed')
    expect(exitCode).toBe(0)
    expect(stdout).toContain('INTERRUPTED')
    expect(stderr).toContain('what had been measured is recovered')
    expect(place.runOf('killed').steps.map(({ id }) => id)).toEqual(['s1'])
    expect((await listed('killed'))?.verdict).toBe('interrupted')
    expect((await place.ragscale('--quiet', 'report', 'killed')).stderr).toBe('')
  })

  test('leaves its lock and its scratch files to the next one, which clears them away', async () => {
    expect(existsSync(join(place.folder, '.ragscale', 'loadtest'))).toBe(true)
    const { stdout } = await place.ragscale(
      '--json',
      'loadtest',
      ...'--stage embed --scenario smoke --duration 1s --name next'.split(' '),
    )
    expect(JSON.parse(stdout)).toMatchObject({ schema: 'ragscale.run/1', id: 'next' })
    await place.nothingLoads()
  })

  test('before a step was finished cannot be recovered, and says how to be rid of it', async () => {
    const load = sweep('early', '60s')
    await place.recorded('early', '"phase":"window"')
    load.kill('SIGKILL')
    await load
    await until(() => generatorOf('early') === null)
    const { exitCode, stderr } = await place.ragscale('report', 'early')
    expect(exitCode).toBe(6)
    expect(stderr).toContain('no step of it was finished')
    expect(stderr).toContain('ragscale runs rm')
    expect((await place.ragscale('runs', 'rm', 'early', '--yes')).exitCode).toBe(0)
    expect(await listed('early')).toBeUndefined()
  })
})

describe('a load test whose k6 is killed', () => {
  test('fails, says so, and report recovers its finished steps', async () => {
    const load = sweep('headless')
    await place.recorded('headless', '"type":"step"')
    process.kill(generatorOf('headless') ?? 0, 'SIGKILL')
    const { exitCode, stderr } = await load
    expect(exitCode).toBe(1)
    expect(stderr).toContain('k6 failed: it was ended by SIGKILL')
    expect(stderr).toContain('ragscale report headless   shows the steps that were finished')
    await place.nothingLoads()
    expect((await place.ragscale('report', 'headless')).exitCode).toBe(0)
    expect(place.runOf('headless').steps).toHaveLength(1)
  })
})

describe('two load tests at once on one stack', () => {
  test('the second names the first and does not load; the first goes on', async () => {
    const first = sweep('first', '60s')
    await place.recorded('first', '"phase":"window"')
    const second = await place.ragscale('loadtest', '--stage', 'embed', '--name', 'second')
    expect(second.exitCode).toBe(1)
    expect(second.stderr).toContain(`process ${first.pid} on`)
    expect(second.stderr).toContain('a load test runs on this stack already: ragscale loadtest --stage embed')
    expect(existsSync(join(place.folder, 'runs', 'second'))).toBe(false)

    // Nor is a run that goes on taken for one that was killed.
    expect(await listed('first')).toMatchObject({ verdict: 'incomplete', note: 'still going on' })
    const early = await place.ragscale('report', 'first')
    expect(early.exitCode).toBe(1)
    expect(early.stderr).toContain('run first is still going on')
    expect((await place.ragscale('runs', 'rm', 'first', '--yes')).exitCode).toBe(1)

    first.kill('SIGINT')
    expect((await first).exitCode).toBe(130)
    expect(place.runOf('first').steps).toHaveLength(1)
    await place.nothingLoads()
  })
})

/** The process of k6 that writes a run; null when there is none. */
function generatorOf(run: string): number | null {
  const out = `ragscale=${join(place.folder, 'runs', run)}\0`
  const found = readdirSync('/proc').find((pid) => {
    try {
      return /^\d+$/.test(pid) && readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes(out)
    } catch {
      // It ended while it was looked at.
      return false
    }
  })
  return found === undefined ? null : Number(found)
}
