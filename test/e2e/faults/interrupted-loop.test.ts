/** Ctrl-C in the commands that do more than one thing: ingest, recommend --verify, demo. */
import { existsSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { until } from '../local/stack-on-disk.ts'
import { faultPlace, local } from './place.ts'
import type { FaultPlace } from './place.ts'

let place: FaultPlace

/** Embeds a batch of 32 in 300 ms, one after the other: an ingest takes its time. */
const stack = local
  .replace('mean: 5ms, servers: 4', 'mean: 300ms, servers: 1')
  .replace(
    'workload:',
    '  vector: { component: qdrant, nodes: 1, collection: { name: docs, dimensions: 768, points: 1000, shards: 1, replication: 1 } }\nworkload:',
  )

beforeAll(async () => {
  place = await faultPlace(stack)
  const documents = join(place.folder, 'documents')
  mkdirSync(documents)
  for (let number = 0; number < 300; number++)
    writeFileSync(
      join(documents, `${number}.md`),
      `# Document ${number}\n\nIt says ${number} times nothing.\n`,
    )
})
afterAll(() => place.leave())

test('an ingest that is interrupted keeps what is written, and the next goes on from there', async () => {
  expect((await place.ragscale('up')).exitCode).toBe(0)
  const ingest = place.start('ingest', 'documents')
  let said = ''
  ingest.stderr.on('data', (text) => (said += String(text)))
  await until(() => /[1-9]\d* chunks written/.test(said))
  ingest.kill('SIGINT')
  const { exitCode, stderr } = await ingest
  expect(exitCode).toBe(130)
  expect(stderr).toContain('interrupted; what was written is kept')
  expect(stderr).toContain('ragscale ingest documents   goes on from here')
  const { added, unchanged, points } = (await place.json('ingest', 'documents')) as Record<string, number>
  expect(unchanged).toBeGreaterThan(0)
  expect((added ?? 0) + (unchanged ?? 0)).toBe(300)
  expect(points).toBe(300)
})

describe('recommend --verify', () => {
  test('that is interrupted while it loads has applied the counts, says 130, and records the run', async () => {
    writeFileSync(join(place.folder, 'ragscale.yaml'), stack.replace('mean: 300ms', 'mean: 20ms'))
    expect((await place.ragscale('up')).exitCode).toBe(0)
    await place.ragscale(
      'loadtest',
      ...'--stage embed --name sweep --rates 20/s,30/s,40/s --duration 2s'.split(' '),
      ...'--warmup 0s'.split(' '),
    )
    believe('sweep')
    const verify = place.start('--json', 'recommend', '--rate', '60/s', '--verify', '--duration', '60s')
    await until(() => newRun() !== undefined && place.record(newRun() ?? '').includes('"phase":"window"'))
    verify.kill('SIGINT')
    const { exitCode, stdout } = await verify
    expect(exitCode).toBe(130)
    expect(JSON.parse(stdout)).toMatchObject({ verified: { verdict: 'interrupted', ok: null } })
    expect(place.runOf(newRun() ?? '').verdict).toBe('interrupted')
    expect(readFileSync(join(place.folder, 'ragscale.yaml'), 'utf8')).toMatch(/replicas: [2-9] # for now/)
    await place.nothingLoads()
  })

  test('down takes all of it away', async () => {
    expect((await place.ragscale('down', '--volumes', '--yes')).exitCode).toBe(0)
    await place.nothingRuns()
  })

  const newRun = (): string | undefined =>
    readdirSync(join(place.folder, 'runs')).find(
      (name) => name !== 'sweep' && existsSync(join(place.folder, 'runs', name, 'load.ndjson')),
    )

  /** What this machine was busy with while it measured is not what is tested here. */
  function believe(name: string): void {
    const file = join(place.folder, 'runs', name, 'run.json')
    const run = place.runOf(name)
    const steps = run.steps.map((step) => ({ ...step, valid: true, invalidBecause: [] }))
    writeFileSync(file, JSON.stringify({ ...run, steps }))
  }
})

describe('a demo', () => {
  test('that is interrupted while it loads takes its stack down, keeps its folder, exit 130', async () => {
    const demo = place.start('demo', '--out', 'demo')
    const record = join(place.folder, 'demo', 'runs', 'sweep-embed', 'load.ndjson')
    await until(() => existsSync(record) && readFileSync(record, 'utf8').includes('"phase":"window"'), 100)
    demo.kill('SIGINT')
    const { exitCode, stderr } = await demo
    expect(exitCode).toBe(130)
    expect(stderr).toContain('the demo stopped at `ragscale loadtest --stage embed')
    await place.nothingRuns()
    expect(existsSync(join(place.folder, 'demo', 'runs', 'sweep-embed', 'run.json'))).toBe(true)
    expect(existsSync(join(place.folder, 'demo', '.ragscale', 'local'))).toBe(false)
  })

  test('that is interrupted while it brings the stack up leaves nothing running', async () => {
    const demo = place.start('demo', '--out', 'demo-2')
    await until(() => existsSync(join(place.folder, 'demo-2', '.ragscale', 'local', 'state.json')), 5)
    demo.kill('SIGINT')
    expect((await demo).exitCode).toBe(130)
    await place.nothingRuns()
  })

  test('does not replace a stack that is there', async () => {
    const { exitCode, stderr } = await place.ragscale('demo', '--out', '.')
    expect(exitCode).toBe(2)
    expect(stderr).toContain('holds a ragscale.yaml already')
  })
})
