import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { run } from '../../src/main.ts'
import { facts } from '../unit/recording/fixtures.ts'
import { fakeRuntime } from './fake-runtime.ts'

const stack = `name: theirs
target: external
endpoints:
  embed: { url: http://127.0.0.1:9, protocol: tei }
workload: { rate: 20/s, queries: queries.txt }
slo: { embed: { p95: 200ms } }
`

let cwd = ''
beforeEach(async () => {
  cwd = await mkdtemp(join(tmpdir(), 'ragscale-bad-'))
  await writeFile(join(cwd, 'ragscale.yaml'), stack)
})
afterEach(() => rm(cwd, { recursive: true, force: true }))

async function ragscale(line: string, env: Record<string, string> = {}) {
  const runtime = fakeRuntime({ cwd, env })
  const exitCode = await run(line.split(' '), runtime)
  return { exitCode, out: runtime.out(), err: runtime.err() }
}

describe('a ragscale.yaml that is wrong', () => {
  test.each([
    ['broken YAML', 'name: x\ntiers:\n  embed: { replicas: 1\nslo: {', /ragscale\.yaml:4:1 /],
    ['an unknown key', stack.replace('endpoints', 'endpoint'), /3:1 endpoint: .*did you mean endpoints\?/],
    ['a negative rate', stack.replace('20/s', '-5/s'), /5:19 workload\.rate: expected a rate such as 20\/s/],
    [
      'a duration without its unit',
      stack.replace('200ms', '200'),
      /6:22 slo\.embed\.p95: .*did you mean 200s\?/,
    ],
  ])(
    '%s is named with its line and column, by every command that reads it, exit 2',
    async (_, text, message) => {
      await writeFile(join(cwd, 'ragscale.yaml'), text)
      for (const command of ['up', 'down', 'status', 'scale embed=2', 'ingest .', 'loadtest', 'recommend']) {
        const { exitCode, out, err } = await ragscale(command)
        expect({ command, exitCode, out }).toEqual({ command, exitCode: 2, out: '' })
        expect(err).toMatch(message)
      }
      // What a user wrote is never touched.
      expect(await readFile(join(cwd, 'ragscale.yaml'), 'utf8')).toBe(text)
    },
  )
})

describe('a load that cannot be meant', () => {
  test.each([
    ['--rate 0/s', 'a rate must be more than 0'],
    ['--rate 1e30/s', 'beyond what one machine can send: at most 1000000/s'],
    ['--rates 10/s,1e9/s', 'beyond what one machine can send'],
    ['--rates ,', '--rates: expected a rate such as'],
    ['--duration 0s', 'a duration must be more than 0, and at most 31d'],
    ['--duration 1e9d', 'a duration must be more than 0, and at most 31d'],
    ['--warmup 1e9d', 'a warm-up must be at most 31d'],
    ['--max-in-flight 0', 'requests in flight must be from 1 to 1048576'],
    ['--max-in-flight 1e9', 'requests in flight must be from 1 to 1048576'],
    ['--seed -1', '--seed: expected a whole number'],
    ['--arrivals gamma:0', '--arrivals: expected poisson, constant, gamma:2'],
    ['--arrivals trace:none.txt', 'could not read the trace'],
    ['--scenario sprint', 'one of smoke, steady, ramp'],
    ['--stage embeds', 'one of embed, retrieve'],
  ])('%s is refused before anything is called or written, exit 2', async (flags, message) => {
    const stage = flags.startsWith('--stage') ? '' : ' --stage embed'
    const { exitCode, out, err } = await ragscale(`loadtest${stage} ${flags}`)
    expect({ exitCode, out }).toEqual({ exitCode: 2, out: '' })
    expect(err).toContain(message)
    expect(err).not.toContain('bug in ragscale')
  })
})

describe('k6 that is not the right one', () => {
  test.each([
    ['that is not there', 'nowhere/k6', 'there is no such file'],
    ['that may not be executed', 'queries.txt', 'it may not be executed'],
    ['that is another program', process.execPath, 'cannot be used'],
  ])('%s is named with where it came from, exit 3', async (_, path, because) => {
    await writeFile(join(cwd, 'queries.txt'), 'What is a shard?\n', { mode: 0o644 })
    const { exitCode, err } = await ragscale('loadtest --stage embed', { RAGSCALE_K6: path })
    expect(exitCode).toBe(3)
    expect(err).toContain('(RAGSCALE_K6)')
    expect(err).toContain(because)
  })

  test('is seen by a demo before it starts anything', async () => {
    const { exitCode, out } = await ragscale('demo --out new', { RAGSCALE_K6: 'nowhere/k6' })
    expect({ exitCode, out }).toEqual({ exitCode: 3, out: '' })
    await expect(readFile(join(cwd, 'new', 'ragscale.yaml'))).rejects.toMatchObject({ code: 'ENOENT' })
  })
})

describe('an ingest of a folder that is not there', () => {
  test('is refused before any server is called, exit 2', async () => {
    const { exitCode, err } = await ragscale('ingest papers')
    expect(exitCode).toBe(2)
    expect(err).toContain(join(cwd, 'papers'))
  })
})

describe('a demo of a folder that is not there', () => {
  test('is refused, exit 2', async () => {
    const { exitCode, err } = await ragscale('demo papers')
    expect(exitCode).toBe(2)
    expect(err).toContain('papers is not there')
  })
})

describe('runs that are not whole', () => {
  const folder = () => join(cwd, 'runs', 'half')
  beforeEach(async () => {
    await mkdir(folder(), { recursive: true })
    await writeFile(join(folder(), 'facts.json'), JSON.stringify(facts({ id: 'half' })))
  })

  test('an unfinished one says how it is recovered to whoever wants to use it, exit 2', async () => {
    for (const command of ['compare half half', 'recommend --run half']) {
      const { exitCode, err } = await ragscale(command)
      expect(exitCode).toBe(2)
      expect(err).toContain('run half was not finished')
      expect(err).toContain('ragscale report half   recovers')
    }
  })

  test('a damaged run.json is said to be, on one line, and left as it is', async () => {
    await writeFile(join(folder(), 'run.json'), '{"id": tru\n')
    const { exitCode, err } = await ragscale('report half')
    expect(exitCode).toBe(2)
    expect(err.split('\n')[0]).toMatch(/run\.json is damaged: .* JSON/)
    expect(await readFile(join(folder(), 'run.json'), 'utf8')).toBe('{"id": tru\n')
    const { runs } = JSON.parse((await ragscale('--json runs list')).out) as { runs: unknown[] }
    expect(runs).toMatchObject([{ id: 'half', verdict: 'unreadable' }])
  })

  test('one that a newer ragscale wrote is refused by its schema', async () => {
    await writeFile(join(folder(), 'run.json'), '{"schema":"ragscale.run/99"}')
    const { exitCode, err } = await ragscale('report half')
    expect(exitCode).toBe(2)
    expect(err).toContain('newer ragscale')
  })

  test('are not removed unless somebody says so', async () => {
    const { exitCode, err } = await ragscale('runs rm half')
    expect(exitCode).toBe(2)
    expect(err).toContain('pass --yes')
    await readFile(join(folder(), 'facts.json'))
    expect((await ragscale('--quiet runs rm half --yes')).err).toBe('')
    await expect(readFile(join(folder(), 'facts.json'))).rejects.toMatchObject({ code: 'ENOENT' })
  })
})

describe('--json', () => {
  test.each([
    'up --timeout soon',
    'scale embed=0',
    'logs embeds',
    'ingest .',
    'loadtest --stage generate',
    'loadtest --rates 1/s --scenario steady --stage embed',
    'report none',
    'compare none none',
    'runs rm none',
    'recommend',
    'recommend --apply',
    'init',
    'demo papers',
    'nonsense',
    'ingest',
    '--file nothing.yaml status',
  ])('%s fails with exactly one document on stdout', async (line) => {
    const { exitCode, out } = await ragscale(`--json ${line}`)
    expect(exitCode).toBeGreaterThan(0)
    const { error } = JSON.parse(out) as { error: { code: string; message: string } }
    expect(error.code).toMatch(/^[a-z0-9-]+$/)
    expect(error.code).not.toBe('bug')
    expect(error.message).not.toBe('')
  })
})
