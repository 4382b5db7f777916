/** A primary and a read replica of it, started by real Postgres servers as their containers would be. */
import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmod, chown, mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Container } from '../../../src/catalog/container.ts'
import { secretPath } from '../../../src/catalog/secrets.ts'
import { topologyOf } from '../../../src/render/workloads.ts'
import { findTool } from '../../tools/find-tool.ts'
import { howToGet } from '../../tools/tools.ts'
import { stackOf } from '../../unit/render/arbitrary-stack.ts'
import { freePort } from './free-port.ts'

const run = promisify(execFile)

const programs = await serverPrograms()
if (programs === null)
  console.warn(`SKIPPED: Postgres replication, because there is no Postgres: ${howToGet('pg_basebackup')}`)

const topology = topologyOf(
  stackOf({
    name: 'rag',
    target: 'compose',
    tiers: { embed: { model: 'BAAI/bge-base-en-v1.5', gpu: 'cpu' }, metadata: { replicas: 2 } },
  }),
  'compose',
)

/** Everything that a shell, a URL, a configuration file or .pgpass gives a meaning to. */
const password = `p:a\\s"s'w $1 #%`

describe.skipIf(programs === null)('Postgres, as its containers start it', () => {
  let folder = ''
  let primary: Server
  let replica: Server

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'ragscale-postgres-'))
    await chmod(folder, 0o711)
    await writeFile(join(folder, 'postgres-password'), password, { mode: 0o644 })
    primary = await startPrimary(folder)
    replica = await startReplica(folder, primary.port)
  })
  afterAll(async () => {
    await replica?.stop()
    await primary?.stop()
    if (folder !== '') await rm(folder, { recursive: true, force: true })
  })

  test('a read replica copies the primary, follows it, and takes no writes', async () => {
    await ask(primary, 'create table documents (source text); insert into documents values (1)')
    await expect.poll(() => ask(replica, 'select source from documents').catch(String), poll).toBe('1')
    await expect(ask(replica, 'insert into documents values (2)')).rejects.toThrow(/read-only transaction/)
  })

  test('a replica that restarts goes on with its copy, and catches up with what it missed', async () => {
    await replica.stop()
    await ask(primary, 'insert into documents values (3)')
    replica = await startReplica(folder, primary.port, replica.port)
    await expect
      .poll(() => ask(replica, `select string_agg(source, ',') from documents`).catch(String), poll)
      .toBe('1,3')
  })

  test('nobody gets in without the password', async () => {
    await expect(ask(primary, 'select 1', 'guessed')).rejects.toThrow(/password authentication failed/)
    await expect(ask(replica, 'select 1', 'guessed')).rejects.toThrow(/password authentication failed/)
  })
})

const poll = { timeout: 60_000, interval: 250 }

interface Server {
  readonly port: number
  stop(): Promise<void>
}

/** Postgres refuses to run as root: as the user of Debian's package then, else as whoever runs the test. */
async function owner(): Promise<{ uid?: number; gid?: number }> {
  if (process.getuid?.() !== 0) return {}
  const { stdout } = await run('id', ['-u', 'postgres'])
  const group = await run('id', ['-g', 'postgres'])
  return { uid: Number(stdout), gid: Number(group.stdout) }
}

/** The folder of `postgres`, `initdb` and `psql`; null where there is none. */
async function serverPrograms(): Promise<string | null> {
  if ((await findTool('pg_basebackup')) === null) return null
  const root = '/usr/lib/postgresql'
  const versions = await readdir(root).catch(() => [])
  const newest = versions
    .map(Number)
    .filter(Number.isFinite)
    .sort((a, b) => b - a)[0]
  return newest === undefined ? null : `${root}/${newest}/bin`
}

function environment(data: string): Record<string, string> {
  return { PATH: `${programs}:${process.env['PATH']}`, PGDATA: data, LC_ALL: 'C' }
}

/** What the official image's entrypoint does on the first start, as far as our files take part in it. */
async function startPrimary(folder: string): Promise<Server> {
  const container = containerOf('metadata')
  const as = await owner()
  const data = join(folder, 'primary')
  await mkdir(data)
  if (as.uid !== undefined && as.gid !== undefined) await chown(data, as.uid, as.gid)
  const [init] = container.files
  const script = [
    'set -Eeo pipefail',
    `initdb --username "$POSTGRES_USER" --pwfile "${folder}/postgres-password" --auth-local trust --auth-host scram-sha-256 > /dev/null`,
    `echo 'host all all all scram-sha-256' >> "$PGDATA/pg_hba.conf"`,
    `pg_ctl -o "-c listen_addresses='' -c unix_socket_directories=$PGDATA" -w start > /dev/null`,
    'export PGHOST="$PGDATA"',
    'createdb --username "$POSTGRES_USER" "$POSTGRES_DB"',
    init?.text ?? '',
    'pg_ctl -m fast -w stop > /dev/null',
  ].join('\n')
  await run('bash', ['-c', script], {
    ...as,
    cwd: data,
    env: { ...environment(data), ...container.env, POSTGRES_PASSWORD: password },
  })
  return await serve(folder, data, container.args ?? [], as)
}

async function startReplica(folder: string, primaryPort: number, port?: number): Promise<Server> {
  const container = containerOf('metadata-replica')
  const as = await owner()
  // A volume of the engine's: readable by all, and not empty after a copy that was cut off.
  const volume = join(folder, 'replica')
  const data = join(volume, '18', 'docker')
  if (port === undefined) {
    await mkdir(data, { recursive: true })
    await writeFile(join(data, 'leftover'), '')
    if (as.uid !== undefined) await run('chown', ['-R', `${as.uid}:${as.gid}`, volume])
  }
  const [shell = '', ...script] = (container.command ?? []).map((part) =>
    part
      .replaceAll(secretPath(''), `${folder}/`)
      .replaceAll('/tmp/pgpass', `${volume}/pgpass`)
      .replaceAll('host=metadata port=5432', `host=127.0.0.1 port=${primaryPort}`),
  )
  return await serve(folder, data, [shell, ...script, ...(container.args ?? [])], as, port)
}

async function serve(
  folder: string,
  data: string,
  command: readonly string[],
  as: { uid?: number; gid?: number },
  wanted?: number,
): Promise<Server> {
  const port = wanted ?? (await freePort())
  const [program = '', ...args] = command
  const own = [
    '-p',
    String(port),
    '-c',
    `unix_socket_directories=${data}`,
    '-c',
    'listen_addresses=127.0.0.1',
  ]
  const child: ChildProcess = spawn(program, [...args, ...own], {
    ...as,
    cwd: folder,
    env: environment(data),
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  let said = ''
  child.stderr?.on('data', (text: Buffer) => (said += text.toString()))
  const [ask = '', ...asked] = containerOf('metadata').health?.command ?? []
  for (let tries = 0; ; tries++) {
    const ready = await run(join(programs ?? '', ask), [...asked, '--port', String(port)]).then(
      () => true,
      () => false,
    )
    if (ready) break
    if (child.exitCode !== null || tries > 240) throw new Error(`Postgres did not start: ${said}`)
    await new Promise((later) => setTimeout(later, 250))
  }
  return {
    port,
    stop: async () => {
      if (child.exitCode !== null || child.signalCode !== null) return
      // What the image has the engine send (STOPSIGNAL).
      child.kill('SIGINT')
      await once(child, 'exit')
    },
  }
}

async function ask({ port }: Server, sql: string, as = password): Promise<string> {
  const args = ['-At', '-h', '127.0.0.1', '-p', String(port), '-U', 'ragscale', '-d', 'ragscale', '-c', sql]
  const { stdout } = await run(join(programs ?? '', 'psql'), args, { env: { PGPASSWORD: as, LC_ALL: 'C' } })
  return stdout.trim()
}

function containerOf(name: string): Container {
  const found = topology.workloads.find((workload) => workload.name === name)
  if (found === undefined) throw new Error(`there is no ${name}`)
  return found.container
}
