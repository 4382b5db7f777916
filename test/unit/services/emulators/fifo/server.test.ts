import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { startFifo } from '../../../../../src/services/emulators/fifo/server.ts'

describe('a plain queueing server', () => {
  it('answers any POST and logs enough to work out its queue again', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'fifo-'))
    const logFile = join(folder, 'drawn.ndjson')
    const law = { kind: 'exponential', meanMs: 3 }
    const service = await startFifo({
      emulation: { model: 'fifo', law, servers: 2, queueLimit: null },
      seed: 4,
      logFile,
    })
    const url = `http://127.0.0.1:${service.port}/anything`
    const answers = await Promise.all(
      Array.from({ length: 40 }, () => fetch(url, { method: 'POST', body: '{}' })),
    )
    expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 200))
    expect(await answers[0]!.json()).toEqual({ ok: true })
    expect(service.sample!()).toEqual({
      queue: 0,
      overrunMs: expect.any(Number),
      emulated: { answers: 40, late: expect.any(Object) },
    })
    await service.close(1000)

    const lines = (await readFile(logFile, 'utf8')).trim().split('\n')
    const drawn = lines.map(
      (line) =>
        JSON.parse(line) as Record<'id' | 'arrivalMs' | 'serviceMs' | 'startMs' | 'departureMs', number>,
    )
    expect(drawn.map(({ id }) => id)).toEqual(Array.from({ length: 40 }, (_, index) => index + 1))
    const free = [0, 0]
    for (const { arrivalMs, serviceMs, startMs, departureMs } of drawn) {
      free.sort((a, b) => a - b)
      expect(startMs).toBe(Math.max(arrivalMs, free[0]!))
      expect(departureMs).toBe(startMs + serviceMs)
      free[0] = departureMs
    }
    await rm(folder, { recursive: true })
  })

  it('answers 429 when its queue is full', async () => {
    const law = { kind: 'fixed', meanMs: 100 }
    const service = await startFifo({ emulation: { model: 'fifo', law, servers: 1, queueLimit: 0 } })
    const url = `http://127.0.0.1:${service.port}/`
    const first = fetch(url, { method: 'POST', body: '' })
    const second = fetch(url, { method: 'POST', body: '' })
    const statuses = [(await first).status, (await second).status]
    expect(statuses.toSorted((a, b) => a - b)).toEqual([200, 429])
    await service.close(0)
  })

  it('is told what is wrong with its configuration', async () => {
    await expect(startFifo({ emulation: { model: 'fifo', servers: 0 } })).rejects.toThrow(/servers/)
    const missing = join(tmpdir(), 'no-such-folder', 'log')
    const law = { kind: 'fixed', meanMs: 1 }
    const config = { emulation: { model: 'fifo', law, servers: 1, queueLimit: null }, logFile: missing }
    await expect(startFifo(config)).rejects.toThrow(/ENOENT/)
  })
})
