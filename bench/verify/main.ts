/**
 * Whether recommendations come true, in real time: three stacks whose laws the recommender is not told are
 * measured, recommended for, scaled and loaded again by `ragscale recommend --verify`. About four minutes.
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { execa } from 'execa'

const program = fileURLToPath(new URL('../../bin/ragscale.js', import.meta.url))

interface Case {
  readonly name: string
  readonly emulate: string
  readonly rates: string
  readonly wanted: string
  readonly p95: string
}

/** Each replica can do 50, 57 and 80 a second. */
const cases: readonly Case[] = [
  {
    name: 'one server, exponential service of 20 ms',
    emulate: '{ model: fifo, law: exponential, mean: 20ms, servers: 1 }',
    rates: '12/s,20/s,28/s,36/s,42/s,65/s',
    wanted: '110/s',
    p95: '120ms',
  },
  {
    name: 'two servers, lognormal service of 35 ms, cv 1.5',
    emulate: '{ model: fifo, law: lognormal, mean: 35ms, cv: 1.5, servers: 2 }',
    rates: '14/s,24/s,33/s,41/s,48/s,74/s',
    wanted: '120/s',
    p95: '250ms',
  },
  {
    name: 'two servers, bimodal service of 25 ms, a tenth of it 5 × slower',
    emulate: '{ model: fifo, law: bimodal, mean: 25ms, slowShare: 0.1, slowFactor: 5, servers: 2 }',
    rates: '20/s,34/s,46/s,58/s,68/s,100/s',
    wanted: '180/s',
    p95: '200ms',
  },
]

interface Verified {
  tiers: { embed: { now: { replicas: number }; then: { replicas: number }; boundBy: string } }
  verified: {
    verdict: string
    metrics: { on: string; predictedMs: number; bandMs: [number, number] | null; measuredMs: number | null }[]
  } | null
}

let held = 0
for (const one of cases) {
  const folder = await mkdtemp(join(tmpdir(), 'ragscale-bench-'))
  const ragscale = (...args: string[]) =>
    execa(process.execPath, [program, ...args], { cwd: folder, reject: false, stdin: 'ignore' })
  await writeFile(
    join(folder, 'queries.txt'),
    'What is a shard?\nHow many replicas are enough?\nWhat does it cost?\n',
  )
  await writeFile(
    join(folder, 'ragscale.yaml'),
    `name: verify
target: local
tiers:
  embed: { component: tei, model: BAAI/bge-base-en-v1.5, replicas: 1, emulate: ${one.emulate} }
workload: { rate: ${one.wanted}, queries: queries.txt, seed: 11 }
slo:
  embed: { p95: ${one.p95} }
`,
  )
  try {
    await ragscale('up', '--quiet')
    await ragscale(
      'loadtest',
      '--stage',
      'embed',
      '--rates',
      one.rates,
      '--duration',
      '12s',
      '--warmup',
      '2s',
      '--quiet',
    )
    const { stdout, exitCode } = await ragscale(
      '--json',
      '--quiet',
      'recommend',
      '--verify',
      '--duration',
      '20s',
    )
    process.stdout.write(`\n${one.name}; wanted ${one.wanted} with P95 ≤ ${one.p95}\n`)
    if (![0, 5, 6].includes(exitCode ?? 1)) {
      process.stdout.write(`  failed (exit ${exitCode}): ${stdout}\n`)
      continue
    }
    const { tiers, verified } = JSON.parse(stdout) as Verified
    const { now, then, boundBy } = tiers.embed
    process.stdout.write(
      `  replicas ${now.replicas} → ${then.replicas} (bound by ${boundBy}); measured again: ${verified?.verdict ?? 'not verified'}\n`,
    )
    for (const { on, predictedMs, bandMs, measuredMs } of verified?.metrics ?? []) {
      const band = bandMs === null ? '' : ` (${bandMs.map((ms) => ms.toFixed(0)).join('–')})`
      process.stdout.write(
        `  ${on}: predicted ${predictedMs.toFixed(1)}${band} ms, measured ${measuredMs?.toFixed(1) ?? '–'} ms\n`,
      )
    }
    if (verified?.verdict === 'pass') held++
  } finally {
    await ragscale('down', '--volumes', '--yes', '--quiet')
    await rm(folder, { recursive: true, force: true })
  }
}
process.stdout.write(`\n${held} of ${cases.length} held\n`)
process.exitCode = held === cases.length ? 0 : 1
