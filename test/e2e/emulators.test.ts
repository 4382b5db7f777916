import { fork, spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, describe, expect, it } from 'vitest'
import type { FromService } from '../../src/services/process.ts'

const fifo = { model: 'fifo', law: { kind: 'fixed', meanMs: 2 }, servers: 4, queueLimit: null }
const services = {
  tei: { component: 'tei', model: 'BAAI/bge-base-en-v1.5', dimensions: 32, emulation: fifo },
  vllm: { component: 'vllm', model: 'some/model', emulation: fifo },
  fifo: { emulation: fifo },
} as const
type Service = keyof typeof services

const mainOf = (service: Service) =>
  fileURLToPath(new URL(`../../src/services/emulators/${service}/main.ts`, import.meta.url))
const children: ChildProcess[] = []
afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL')
})

async function answer<Type extends FromService['type']>(
  child: ChildProcess,
  type: Type,
): Promise<Extract<FromService, { type: Type }>> {
  for (;;) {
    const [message] = (await once(child, 'message')) as [FromService]
    if (message.type === type) return message as Extract<FromService, { type: Type }>
  }
}

function started(service: Service, over: Record<string, unknown> = {}): ChildProcess {
  const child = fork(mainOf(service), { stdio: ['ignore', 'ignore', 'pipe', 'ipc'] })
  children.push(child)
  child.send({ type: 'configure', config: { ...services[service], ...over } })
  return child
}

describe.each(Object.keys(services) as Service[])('the emulator of %s, as a process', (service) => {
  it('listens on a port of its own, answers, tells its load and ends with 0 when told', async () => {
    const child = started(service)
    const { port } = await answer(child, 'listening')
    expect((await fetch(`http://127.0.0.1:${port}/health`)).status).toBe(200)
    child.send({ type: 'sample' })
    expect(await answer(child, 'sample')).toMatchObject({
      queue: 0,
      overrunMs: expect.any(Number),
      cpuSeconds: expect.any(Number),
    })
    child.send({ type: 'stop', graceMs: 1000 })
    expect((await once(child, 'exit'))[0]).toBe(0)
  })

  it('is gone when its parent is', async () => {
    const child = started(service)
    await answer(child, 'listening')
    child.disconnect()
    expect((await once(child, 'exit'))[0]).toBe(0)
  })

  it('says what is wrong with its configuration and ends with 1', async () => {
    const child = started(service, { emulation: { ...fifo, servers: 0 } })
    expect((await answer(child, 'failed')).message).toMatch(/servers/)
    expect((await once(child, 'exit'))[0]).toBe(1)
  })
})

describe('an emulator', () => {
  it('finishes what is in flight before it ends, and its log is whole', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'emulator-'))
    const logFile = join(folder, 'drawn.ndjson')
    const slow = { ...fifo, law: { kind: 'fixed', meanMs: 300 } }
    const child = started('tei', { emulation: slow, logFile })
    const { port } = await answer(child, 'listening')
    const url = `http://127.0.0.1:${port}`
    const headers = { 'content-type': 'application/json' }
    const inFlight = fetch(`${url}/embed`, { method: 'POST', headers, body: '{"inputs":"a text"}' })
    await expect
      .poll(
        async () => ((await (await fetch(`${url}/__ragscale/emulator`)).json()) as { drawn: number }).drawn,
      )
      .toBe(1)
    child.send({ type: 'stop', graceMs: 10_000 })
    expect((await inFlight).status).toBe(200)
    expect((await once(child, 'exit'))[0]).toBe(0)
    const { arrivalMs, departureMs } = JSON.parse(await readFile(logFile, 'utf8')) as {
      arrivalMs: number
      departureMs: number
    }
    expect(departureMs - arrivalMs).toBeCloseTo(300, 3)
    await rm(folder, { recursive: true })
  })

  it('does not listen before its model is loaded', async () => {
    const child = started('vllm', { startupMs: 60_000 })
    const early = await Promise.race([
      answer(child, 'listening'),
      new Promise((resolve) => setTimeout(resolve, 1500, 'not yet')),
    ])
    expect(early).toBe('not yet')
  })

  it('runs without a parent, from a file', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'emulator-'))
    const file = join(folder, 'config.json')
    const port = await freePort()
    await writeFile(file, JSON.stringify({ ...services.fifo, port }))
    const child = spawn(process.execPath, [mainOf('fifo')], {
      env: { ...process.env, RAGSCALE_CONFIG: file },
      stdio: 'ignore',
    })
    children.push(child)
    await expect
      .poll(
        async () =>
          await fetch(`http://127.0.0.1:${port}/`, { method: 'POST' }).then(
            ({ status }) => status,
            () => 0,
          ),
        { timeout: 20_000 },
      )
      .toBe(200)
    child.kill('SIGTERM')
    expect((await once(child, 'exit'))[0]).toBe(0)
    await rm(folder, { recursive: true })
  })
})

/** One that was free a moment ago. */
async function freePort(): Promise<number> {
  const child = started('fifo')
  const { port } = await answer(child, 'listening')
  child.send({ type: 'stop', graceMs: 0 })
  await once(child, 'exit')
  return port
}
