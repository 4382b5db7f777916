import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { isRunning } from '../../../src/process-start.ts'
import { loadStack } from '../../../src/stack/load.ts'
import { localTarget } from '../../../src/targets/local/local.ts'
import type { ReplicaState, RunningEndpoints } from '../../../src/targets/target.ts'

export interface Ended {
  readonly exitCode: number | null
  readonly out: string
  readonly err: string
}

export interface Status {
  readonly running: boolean
  readonly endpoints: RunningEndpoints
  readonly replicas: readonly ReplicaState[]
}

/** A folder with a `ragscale.yaml`, and the command line in it. */
export interface StackOnDisk {
  readonly folder: string
  readonly stateFile: string
  readonly write: (yaml: string) => Promise<void>
  readonly start: (...args: string[]) => { process: ChildProcess; ended: Promise<Ended> }
  readonly ragscale: (...args: string[]) => Promise<Ended>
  readonly status: () => Promise<Status>
  readonly supervisorPid: () => number
  /** Ends what a failed test left running, and removes the folder. */
  readonly remove: () => Promise<void>
}

export const embedOnly = (replicas: number, more = ''): string =>
  `name: handbook\ntarget: local\ntiers:\n  embed: { component: tei, model: BAAI/bge-small-en-v1.5, replicas: ${replicas}${more} }\n`

const entry = fileURLToPath(new URL('ragscale.ts', import.meta.url))

export async function stackOnDisk(yaml: string): Promise<StackOnDisk> {
  const folder = await mkdtemp(join(tmpdir(), 'ragscale-local-'))
  const stateFile = join(folder, '.ragscale', 'local', 'state.json')
  const write = async (text: string) => await writeFile(join(folder, 'ragscale.yaml'), text)
  await write(yaml)

  const target = localTarget(folder)
  const start: StackOnDisk['start'] = (...args) => {
    const child = spawn(process.execPath, [entry, ...args], {
      cwd: folder,
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    let out = ''
    let err = ''
    child.stdout.setEncoding('utf8').on('data', (text: string) => (out += text))
    child.stderr.setEncoding('utf8').on('data', (text: string) => (err += text))
    const ended = new Promise<Ended>((resolve) => {
      child.on('close', (exitCode) => resolve({ exitCode, out, err }))
    })
    return { process: child, ended }
  }
  const ragscale: StackOnDisk['ragscale'] = async (...args) => await start(...args).ended
  const supervisorPid = () => (JSON.parse(readFileSync(stateFile, 'utf8')) as { pid: number }).pid
  return {
    folder,
    stateFile,
    write,
    start,
    ragscale,
    status: async () => {
      const observed = await target.observe(await loadStack('ragscale.yaml', { cwd: folder }))
      return { running: observed.running, replicas: observed.replicas, endpoints: target.endpoints(observed) }
    },
    supervisorPid,
    remove: async () => {
      if (existsSync(stateFile)) await ragscale('down', '--timeout', '5s')
      await rm(folder, { recursive: true, force: true })
    },
  }
}

/** The supervisor and everything it started. */
export async function pidsOf(stack: StackOnDisk): Promise<number[]> {
  const { replicas } = await stack.status()
  return [stack.supervisorPid(), ...replicas.flatMap(({ pid }) => (pid === null ? [] : [pid]))]
}

/** Resolves once `condition` holds; the test's own timeout ends it otherwise. */
export async function until(condition: () => boolean | Promise<boolean>, everyMs = 20): Promise<void> {
  while (!(await condition())) await sleep(everyMs)
}

export async function allGone(pids: readonly number[]): Promise<void> {
  await until(async () => {
    const alive = await Promise.all(pids.map(async (pid) => await isRunning(pid, null)))
    return alive.every((is) => !is)
  })
}

export async function listens(url: string): Promise<boolean> {
  return await new Promise((resolve) => {
    const socket = connect(Number(new URL(url).port), '127.0.0.1')
    socket.on('connect', () => {
      socket.destroy()
      resolve(true)
    })
    socket.on('error', () => resolve(false))
  })
}

export async function embed(url: string): Promise<number> {
  const response = await fetch(`${url}/embed`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ inputs: 'How many replicas does this need?' }),
  })
  await response.arrayBuffer()
  return response.status
}
