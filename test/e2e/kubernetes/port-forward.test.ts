/** Forwarded ports by a kubectl that only says what the real one says: who owns the process, and how it ends. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { isRunning } from '../../../src/process-start.ts'
import { forwardPorts } from '../../../src/targets/kubernetes/port-forward.ts'
import { Programs } from '../../../src/targets/kubernetes/programs.ts'

const place = {
  context: 'kind-dev',
  namespace: 'rag',
  server: 'https://127.0.0.1:6443',
  local: true,
  isNamed: false,
}
let folder: string
let env: Record<string, string>

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'ragscale-forward-'))
  env = { PATH: `${folder}${delimiter}${process.env['PATH'] ?? ''}`, FOLDER: folder }
  await fakeKubectl(
    'echo "Forwarding from 127.0.0.1:40080 -> 8080"; echo "Forwarding from 127.0.0.1:40081 -> 8081"; exec sleep 600',
  )
})
afterEach(async () => await rm(folder, { recursive: true, force: true }))

/** It leaves its process's id and what it was called with, one line a call. */
async function fakeKubectl(script: string): Promise<void> {
  const file = join(folder, 'kubectl')
  await writeFile(file, `#!/bin/sh\necho "$$ $*" >> "$FOLDER/calls"\n${script}\n`)
  await chmod(file, 0o755)
}

async function calls(): Promise<{ pid: number; args: string }[]> {
  const text = await readFile(join(folder, 'calls'), 'utf8').catch(() => '')
  return text
    .trim()
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => ({ pid: Number(line.split(' ')[0]), args: line.slice(line.indexOf(' ') + 1) }))
}

async function until(holds: () => Promise<boolean>): Promise<void> {
  for (let tries = 0; tries < 600; tries++) {
    if (await holds()) return
    await sleep(50)
  }
  throw new Error('it never came')
}

test('ports are those that kubectl says, and closing ends it', async () => {
  const forwarded = await forwardPorts('service/balancer', [8080, 8081], place, new Programs(env))
  expect([...forwarded.ports]).toEqual([
    [8080, 40080],
    [8081, 40081],
  ])
  const [call] = await calls()
  expect(call?.args).toBe(
    'port-forward service/balancer :8080 :8081 --address 127.0.0.1 --context kind-dev --namespace rag',
  )
  await forwarded.close()
  expect(await isRunning(call?.pid ?? 0, null)).toBe(false)
})

test('when the pod behind it goes, the same ports are forwarded again', async () => {
  const forwarded = await forwardPorts('service/balancer', [8080, 8081], place, new Programs(env))
  const [first] = await calls()
  process.kill(first?.pid ?? 0, 'SIGKILL')
  await until(async () => (await calls()).length > 1)
  expect((await calls())[1]?.args).toContain('port-forward service/balancer 40080:8080 40081:8081')
  await forwarded.close()
  for (const { pid } of await calls()) expect(await isRunning(pid, null)).toBe(false)
})

test('what kubectl refuses with is told', async () => {
  await fakeKubectl('echo "error: unable to forward port because pod is not running" >&2; exit 1')
  await expect(forwardPorts('service/balancer', [8080], place, new Programs(env))).rejects.toThrow(
    'kubectl could not forward ports of service/balancer: error: unable to forward port because pod is not running',
  )
})

test('whoever is killed while ports are open leaves no kubectl behind', async () => {
  const module = fileURLToPath(new URL('../../../src/targets/kubernetes/', import.meta.url))
  const script = `
    import { forwardPorts } from '${module}port-forward.ts'
    import { Programs } from '${module}programs.ts'
    await forwardPorts('service/balancer', [8080, 8081], ${JSON.stringify(place)}, new Programs(process.env))
    setInterval(() => {}, 1000)
  `
  const owner = spawn(process.execPath, ['--input-type=module', '--eval', script], {
    env: { ...process.env, ...env },
    stdio: 'ignore',
  })
  await until(async () => (await calls()).length > 0)
  const [call] = await calls()
  owner.kill('SIGKILL')
  await once(owner, 'exit')
  await until(async () => !(await isRunning(call?.pid ?? 0, null)))
})

test('whoever forgets to close them can end all the same', async () => {
  const module = fileURLToPath(new URL('../../../src/targets/kubernetes/', import.meta.url))
  const script = `
    import { forwardPorts } from '${module}port-forward.ts'
    import { Programs } from '${module}programs.ts'
    await forwardPorts('service/balancer', [8080, 8081], ${JSON.stringify(place)}, new Programs(process.env))
  `
  const owner = spawn(process.execPath, ['--input-type=module', '--eval', script], {
    env: { ...process.env, ...env },
    stdio: 'inherit',
  })
  const [code] = (await once(owner, 'exit')) as [number | null]
  expect(code).toBe(0)
  const [call] = await calls()
  await until(async () => !(await isRunning(call?.pid ?? 0, null)))
})
