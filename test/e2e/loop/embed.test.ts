import { readFile, readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Recommendation } from '../../../src/capacity/types.ts'
import type { Verification } from '../../../src/loop/verify.ts'
import type { Run } from '../../../src/recording/run.ts'
import { workplace } from '../ragscale.ts'
import type { Workplace } from '../ragscale.ts'

/** One server of 20 ms: it can do 50 a second, so 80 a second need two replicas at least. */
const stackText = `# what the team agreed on
name: loop
target: local
tiers:
  embed:
    component: tei
    model: BAAI/bge-base-en-v1.5
    replicas: 1 # for now
    emulate: { model: fifo, law: exponential, mean: 20ms, servers: 1 }
workload: { rate: 80/s, queries: queries.txt, seed: 7 }
slo:
  embed: { p95: 150ms }
limits: { replicas: 8 }
`

let place: Workplace
/** Whether the sweep found enough that may be believed; on a machine too busy the product says so, and so do we. */
let isBelievable = false

function needsBelievable(skip: (note: string) => void): void {
  if (isBelievable) return
  const note = 'the machine was too busy for a sweep that may be believed'
  console.warn(`SKIPPED: ${note}`)
  skip(note)
}

beforeAll(async () => {
  place = await workplace()
  await writeFile(join(place.folder, 'ragscale.yaml'), stackText)
  await writeFile(
    join(place.folder, 'queries.txt'),
    'What is a shard?\nHow many replicas are enough?\nWhat does it cost?\n',
  )
})

afterAll(() => place.leave())

test('up starts the stack, and a second up has nothing to do', async () => {
  expect((await place.ragscale('up')).exitCode).toBe(0)
  expect(await place.json('up')).toMatchObject({ changes: [] })
})

test('a sweep measures one replica past its knee and leaves a run with its pages', async () => {
  const run = (await place.json(
    'loadtest',
    '--stage',
    'embed',
    '--rates',
    '10/s,20/s,30/s,40/s,45/s,70/s',
    '--duration',
    '8s',
    '--warmup',
    '1s',
    '--name',
    'sweep',
  )) as Run
  expect(run).toMatchObject({ schema: 'ragscale.run/1', id: 'sweep', scenario: 'sweep', emulated: true })
  expect(run.steps.length).toBeGreaterThanOrEqual(5)
  isBelievable = run.steps.filter(({ valid }) => valid).length >= 5
  const files = await readdir(join(place.folder, 'runs', 'sweep'))
  expect(files).toEqual(
    expect.arrayContaining([
      'run.json',
      'latency.hlog',
      'report.html',
      'summary.md',
      'junit.xml',
      'resources.ndjson',
      'k6.log',
    ]),
  )
})

test('report shows the same run again', async () => {
  const { stdout, exitCode } = await place.ragscale('report', 'sweep')
  expect(exitCode).toBe(0)
  expect(stdout).toContain('embed.latency.p95')
  expect((await place.ragscale('report', 'swep')).stderr).toContain('Did you mean sweep?')
})

test('recommend --check says by its exit code that one replica does not suffice', async ({ skip }) => {
  needsBelievable(skip)
  expect((await place.ragscale('recommend', '--check')).exitCode).toBe(5)
})

test('recommend --verify applies the counts, keeps the comments, and its prediction is measured', async ({
  skip,
}) => {
  needsBelievable(skip)
  const recommendation = (await place.json(
    'recommend',
    '--verify',
    '--duration',
    '10s',
  )) as Recommendation & { verified: Verification }
  const then = recommendation.tiers.embed?.then.replicas ?? 0
  expect(then).toBeGreaterThanOrEqual(2)
  const text = await readFile(join(place.folder, 'ragscale.yaml'), 'utf8')
  expect(text).toBe(stackText.replace('replicas: 1 # for now', `replicas: ${then} # for now`))
  expect(recommendation.verified.metrics.map(({ on }) => on)).toContain('embed.latency.p95')
  // A machine too busy to measure on makes the verdict invalid, and never a pass or a fail.
  if (recommendation.verified.verdict !== 'invalid') expect(recommendation.verified.ok).toBe(true)
})

test('with the counts applied, recommend --check is content', async ({ skip }) => {
  needsBelievable(skip)
  expect((await place.ragscale('recommend', '--check')).exitCode).toBe(0)
})

test('down leaves nothing running', async () => {
  expect((await place.ragscale('down')).exitCode).toBe(0)
  expect((await place.ragscale('status')).stdout).not.toContain('healthy')
})
