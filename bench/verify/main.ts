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

/** Each replica can do 125, 143 and 200 a second; short services, so that a step of 12 s has hundreds of them. */
const cases: readonly Case[] = [
  {
    name: 'one server, exponential service of 8 ms',
    emulate: '{ model: fifo, law: exponential, mean: 8ms, servers: 1 }',
    rates: '30/s,50/s,70/s,90/s,105/s,160/s',
    wanted: '275/s',
    p95: '48ms',
  },
  {
    name: 'two servers, lognormal service of 14 ms, cv 1.5',
    emulate: '{ model: fifo, law: lognormal, mean: 14ms, cv: 1.5, servers: 2 }',
    rates: '35/s,60/s,82/s,102/s,120/s,185/s',
    wanted: '300/s',
    p95: '100ms',
  },
  {
    name: 'two servers, bimodal service of 10 ms, a tenth of it 5 × slower',
    emulate: '{ model: fifo, law: bimodal, mean: 10ms, slowShare: 10%, slowFactor: 5, servers: 2 }',
    rates: '50/s,85/s,115/s,145/s,170/s,250/s',
    wanted: '450/s',
    p95: '80ms',
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
