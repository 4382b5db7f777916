import { mkdir, readFile, readdir, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Run } from '../../../src/recording/run.ts'
import { externalPlace } from '../../real/place.ts'
import type { Workplace } from '../ragscale.ts'
import { selfSigned } from './certificate.ts'
import { Servers } from './servers.ts'

const servers = new Servers()
afterAll(() => servers.stop())

const key = 'k-4c1f9d7a-never-written-down'
const team = 't-77b3e2-nor-this'
const smoke = 'loadtest --scenario smoke --duration 3s'.split(' ')

/** Every file below a folder that holds one of the texts. */
async function filesWith(folder: string, texts: readonly string[]): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch(() => [])
  const found: string[] = []
  for (const entry of entries.filter((one) => one.isFile())) {
    const path = join(entry.parentPath, entry.name)
    const text = await readFile(path, 'utf8').catch(() => '')
    if (texts.some((secret) => text.includes(secret))) found.push(path)
  }
  return found
}

/** Where a load test keeps its plan and queries while it runs. */
async function scratchFolders(): Promise<string[]> {
  const names = await readdir(tmpdir())
  return names.filter((name) => name.startsWith('ragscale-load-')).map((name) => join(tmpdir(), name))
}

/** Command lines of all processes, where the system shows them as files. */
async function commandLines(): Promise<string[]> {
  const pids = (await readdir('/proc').catch(() => [])).filter((name) => /^\d+$/.test(name))
  return await Promise.all(pids.map((pid) => readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')))
}

/** Runs a command, looking around all the while for what must not be seen. */
async function watched(place: Workplace, args: readonly string[]) {
  const running = place.start(...args)
  const leaks = new Set<string>()
  let k6Seen = 0
  const ended = new AbortController()
  const watching = (async () => {
    while (!ended.signal.aborted) {
      for (const folder of [place.folder, ...(await scratchFolders())])
        for (const path of await filesWith(folder, [key, team])) leaks.add(path)
      for (const line of await commandLines()) {
        if (line.includes(key) || line.includes(team)) leaks.add(line)
        if (line.includes('--no-usage-report') && line.includes(place.folder)) k6Seen += 1
      }
      await sleep(100)
    }
  })()
  const { exitCode, stdout, stderr } = await running
  ended.abort()
  await watching
  return { exitCode, stdout, stderr, leaks: [...leaks], k6Seen }
}

describe('a key and a header of the team’s', () => {
  let place: Workplace
  beforeAll(async () => {
    const [tei, qdrant] = await Promise.all([servers.tei(), servers.qdrant(key)])
    const wants = { authorization: `Bearer ${key}`, 'x-team': team }
    const embed = await servers.front({ upstream: tei, wants })
    place = await externalPlace(
      {
        embed: { url: embed.url, apiKeyEnv: 'TEST_KEY', headersEnv: { 'X-Team': 'TEST_TEAM' } },
        vector: { url: qdrant, collection: 'docs', apiKeyEnv: 'TEST_KEY' },
      },
      { env: { TEST_KEY: key, TEST_TEAM: team } },
    )
  })
  afterAll(() => place.leave())

  test('reach the servers, and appear in no file, log or command line, while it runs and after', async () => {
    const ingested = await place.ragscale('ingest', 'documents')
    expect(ingested.exitCode, ingested.stderr).toBe(0)
    const seen = await watched(place, [
      '--json',
      ...smoke,
      '--stage',
      'embed',
      '--stage',
      'retrieve',
      '--name',
      'kept',
    ])
    expect([0, 6], seen.stderr).toContain(seen.exitCode)
    const { steps } = JSON.parse(seen.stdout) as Run
    expect(steps.map(({ stage, errors }) => [stage, errors])).toEqual([
      ['embed', {}],
      ['retrieve', {}],
    ])
    expect(seen.leaks).toEqual([])
    if (process.platform === 'linux') expect(seen.k6Seen).toBeGreaterThan(0)
    for (const text of [seen.stdout, seen.stderr]) {
      expect(text).not.toContain(key)
      expect(text).not.toContain(team)
    }
    expect(await filesWith(place.folder, [key, team])).toEqual([])
  })

  test.each([
    ['missing', {}, 2, 'TEST_KEY is not set'],
    ['empty', { TEST_KEY: '' }, 2, 'TEST_KEY is not set'],
  ] as const)('a variable that is %s is named', async (_, env, code, words) => {
    const other = await externalPlace(
      { embed: { url: 'http://127.0.0.1:1', apiKeyEnv: 'TEST_KEY' } },
      { env },
    )
    const { exitCode, stderr } = await other.ragscale(...smoke, '--stage', 'embed')
    expect(exitCode).toBe(code)
    expect(stderr).toContain(words)
    expect(stderr).toContain('export TEST_KEY=')
    await other.leave()
  })

  test('a wrong one is refused by its server, whose words are shown without it', async () => {
    const yaml = await readFile(join(place.folder, 'ragscale.yaml'), 'utf8')
    const { endpoints } = JSON.parse(yaml) as { endpoints: Parameters<typeof externalPlace>[0] }
    const other = await externalPlace(endpoints, { env: { TEST_KEY: `${key}-wrong`, TEST_TEAM: team } })
    for (const stage of ['embed', 'retrieve']) {
      const { exitCode, stderr } = await other.ragscale(...smoke, '--stage', stage)
      expect(exitCode, stderr).toBe(4)
      expect(stderr).toContain('answered 401')
      expect(stderr).not.toContain(key)
    }
    const { exitCode, stderr } = await other.ragscale('ingest', 'documents')
    expect(exitCode).toBe(4)
    expect(stderr).toContain('it answered 401')
    expect(stderr).not.toContain(key)
    await other.leave()
  })
})

describe('TLS', () => {
  const authority = selfSigned('ragscale test')
  const client = selfSigned('ragscale test client')
  let tei: string
  let qdrant: string
  beforeAll(async () => {
    ;[tei, qdrant] = await Promise.all([servers.tei(), servers.qdrant()])
  })

  async function placeWith(certificates: boolean, embed: string, vector: string): Promise<Workplace> {
    const files = certificates
      ? { caFile: 'tls/ca.pem', certFile: 'tls/cert.pem', keyFile: 'tls/key.pem' }
      : {}
    const place = await externalPlace({
      embed: { url: embed, ...files },
      vector: { url: vector, collection: 'docs', ...files },
    })
    await mkdir(join(place.folder, 'tls'))
    await writeFile(join(place.folder, 'tls', 'ca.pem'), authority.cert)
    await writeFile(join(place.folder, 'tls', 'cert.pem'), client.cert)
    await writeFile(join(place.folder, 'tls', 'key.pem'), client.key)
    return place
  }

  test('with an authority and a client’s certificate, documents are ingested and both are loaded', async () => {
    const tls = { ...authority, clients: client.cert }
    const [embed, vector] = await Promise.all([
      servers.front({ upstream: tei, tls }),
      servers.front({ upstream: qdrant, tls }),
    ])
    const place = await placeWith(true, embed.url, vector.url)
    expect(await place.json('ingest', 'documents')).toMatchObject({ added: 3 })
    const { stdout, stderr, exitCode } = await place.ragscale(
      '--json',
      ...smoke,
      '--stage',
      'embed',
      '--stage',
      'retrieve',
    )
    expect([0, 6], stderr).toContain(exitCode)
    const { steps } = JSON.parse(stdout) as Run
    expect(steps.map(({ stage, errors }) => [stage, errors])).toEqual([
      ['embed', {}],
      ['retrieve', {}],
    ])
    await place.leave()
  })

  test('a certificate of nobody that is trusted is refused, and says so', async () => {
    const embed = await servers.front({ upstream: tei, tls: authority })
    const place = await placeWith(false, embed.url, qdrant)
    const { exitCode, stderr } = await place.ragscale(...smoke, '--stage', 'embed')
    expect(exitCode).toBe(4)
    expect(stderr).toMatch(/self-signed certificate/)
    expect(stderr).toContain('caFile')
    await place.leave()
  })

  test('a file that is not there is named', async () => {
    const place = await externalPlace({ embed: { url: 'https://127.0.0.1:1', caFile: 'tls/none.pem' } })
    const { exitCode, stderr } = await place.ragscale(...smoke, '--stage', 'embed')
    expect(exitCode).toBe(2)
    expect(stderr).toContain('none.pem')
    await place.leave()
  })
})
