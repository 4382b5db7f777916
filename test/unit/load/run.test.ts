import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import type { LoadPlan } from '../../../src/load/plan.ts'
import { k6Arguments, k6Environment, runK6 } from '../../../src/load/run.ts'
import type { RunK6Options } from '../../../src/load/run.ts'
import { completePlan, planScenario } from '../../../src/load/scenario.ts'
import type { LoadLine } from '../../../src/recording/load-lines.ts'
import { program, scratchFolder } from './k6/programs.ts'
import { stackWith } from './stacks.ts'

const plan: LoadPlan = completePlan(
  planScenario({ stage: 'embed', scenario: 'smoke' }, stackWith()),
  { urls: ['http://127.0.0.1:1'], protocol: 'tei' },
  { file: '/scratch/queries.jsonl', count: 1 },
  null,
)

/** What k6 says, as JavaScript that says it. */
const says = (...lines: object[]) =>
  lines.map((line) => `console.log(${JSON.stringify(JSON.stringify(line))})`).join('\n')
const start = { type: 'start', schema: 'ragscale.load/1', at: 1_000, k6: '1.8.1', stage: 'embed' }
const interval = (at: number, cpuSeconds: number) => ({
  type: 'interval',
  at,
  step: 's1',
  stage: 'embed',
  phase: 'window',
  elapsedMs: at,
  rate: 2,
  scheduled: 2,
  sent: 2,
  succeeded: 2,
  failed: 0,
  inFlight: 0,
  cpuSeconds,
  rssBytes: 5,
})
const step = {
  type: 'step',
  step: 's1',
  stage: 'embed',
  fromRate: 2,
  toRate: 2,
  startedAt: 0,
  windowStartedAt: 0,
  windowMs: 5_000,
  scheduled: 10,
  sent: 10,
  succeeded: 10,
  failed: 0,
  shed: 0,
  good: 10,
  saturated: false,
  cpuSeconds: 1,
  rssBytes: 5,
}
const end = (reason = 'finished') => ({ type: 'end', at: 9_000, reason })

interface Setting {
  readonly interrupt: (count: number) => void
  readonly lines: LoadLine[]
  readonly folder: string
  readonly outcome: Promise<Awaited<ReturnType<typeof runK6>>>
}

async function run(code: string, changes: Partial<RunK6Options> = {}): Promise<Setting> {
  const scratch = await scratchFolder()
  const folder = join(scratch, 'run')
  let listener: (count: number) => void = () => undefined
  const lines: LoadLine[] = []
  const outcome = runK6({
    k6: { path: await program(join(scratch, 'k6'), code) },
    plan,
    folder,
    scratch,
    runtime: {
      env: { SECRET: 'x', K6_VUS: '9' },
      onInterrupt: (listen) => ((listener = listen), () => undefined),
    },
    onLine: (line) => lines.push(line),
    ...changes,
  })
  outcome.catch(() => undefined)
  return { interrupt: (count) => listener(count), lines, folder, outcome }
}

async function until(condition: () => boolean): Promise<void> {
  for (let i = 0; i < 1_000 && !condition(); i++) await sleep(10)
}

describe('a run of k6', () => {
  it('hands over each line as it comes, and what it all came to', async () => {
    const { outcome, lines } = await run(says(start, interval(2_000, 1), interval(4_000, 2), step, end()))
    const result = await outcome
    expect(result).toMatchObject({
      reason: 'finished',
      start: { k6: '1.8.1' },
      steps: [{ step: 's1', succeeded: 10 }],
    })
    expect(result.generator.get('s1')).toMatchObject({
      cpuCores: 0.5,
      share: 0.5 / result.cpuCoresAvailable,
      peakRssBytes: 5,
    })
    expect(lines.map(({ type }) => type)).toEqual(['start', 'interval', 'interval', 'step', 'end'])
  })

  it('gets the plan by RAGSCALE_PLAN, the folder by its flags, and nothing of the user’s k6 settings', async () => {
    const { outcome, folder } = await run(`
      const fs = require('node:fs')
      fs.writeFileSync(process.argv[process.argv.indexOf('--out') + 1].replace('ragscale=', '') + '/seen', JSON.stringify({
        plan: JSON.parse(fs.readFileSync(process.env.RAGSCALE_PLAN, 'utf8')), mode: fs.statSync(process.env.RAGSCALE_PLAN).mode & 0o777,
        vus: process.env.K6_VUS ?? null, secret: process.env.SECRET, script: process.argv.at(-1) }))
      ${says(start, step, end())}`)
    await outcome
    expect(JSON.parse(await readFile(join(folder, 'seen'), 'utf8'))).toMatchObject({
      plan,
      mode: 0o600,
      vus: null,
      secret: 'x',
      script: expect.stringMatching(/k6-scripts\/embed\.ts$/) as string,
    })
  })

  it('keeps its log beside the record', async () => {
    const { outcome, folder } = await run(`console.error('a warning'); ${says(start, step, end())}`)
    await outcome
    expect(await readFile(join(folder, 'k6.log'), 'utf8')).toBe('a warning\n')
  })

  it('passes over what is not of the contract', async () => {
    const { outcome } = await run(
      `console.log('hello'); console.log('{"type":"other"}'); ${says(start, step, end())}`,
    )
    expect((await outcome).steps).toHaveLength(1)
  })
})

describe('a run that fails', () => {
  it('quotes the last words of k6', async () => {
    const { outcome } = await run(
      `${says(start)}; console.error('time="2026-01-01" level=error msg="no \\\\"such\\\\" thing"'); process.exitCode = 107`,
    )
    await expect(outcome).rejects.toMatchObject({
      exitCode: 1,
      code: 'k6-failed',
      message: 'k6 failed: it ended with exit code 107\nerror: no "such" thing',
      hint: expect.stringContaining('k6.log') as string,
    })
  })

  it('says that the disk is full when it is', async () => {
    const { outcome } = await run(
      `${says(start)}; console.error('write latency.hlog: no space left on device'); process.exitCode = 120`,
    )
    await expect(outcome).rejects.toMatchObject({ hint: expect.stringContaining('disk is full') as string })
  })

  it('names the signal that ended it', async () => {
    const { outcome } = await run(`${says(start)}; process.kill(process.pid, 'SIGKILL')`)
    await expect(outcome).rejects.toThrow(/ended by SIGKILL, perhaps for want of memory/)
  })

  it('is one that ends without its last line', async () => {
    const { outcome } = await run(says(start, step))
    await expect(outcome).rejects.toThrow(/ended without finishing its record/)
  })

  it('is one that cannot be started', async () => {
    const { outcome } = await run('', { k6: { path: '/nowhere/k6' } })
    await expect(outcome).rejects.toMatchObject({
      code: 'k6-failed',
      message: expect.stringContaining('ENOENT') as string,
    })
  })

  it('does not leave k6 behind when the one who listens fails', async () => {
    const pidOf = (lines: LoadLine[]): number => (lines[0]?.type === 'start' ? lines[0].at : 0)
    const lines: LoadLine[] = []
    const { outcome } = await run(
      `console.log(JSON.stringify({ ...${JSON.stringify(start)}, at: process.pid })); setInterval(() => {}, 1000)`,
      {
        onLine: (line) => {
          lines.push(line)
          throw new Error('cannot draw')
        },
      },
    )
    await expect(outcome).rejects.toThrow('cannot draw')
    const isAlive = (): boolean => {
      try {
        return process.kill(pidOf(lines), 0)
      } catch {
        return false
      }
    }
    await until(() => !isAlive())
    expect(isAlive()).toBe(false)
  })
})

describe('Ctrl-C', () => {
  const waits = `process.on('SIGINT', () => { ${says(step, end('interrupted'))}; process.exit(0) }); setInterval(() => {}, 1000); ${says(start)}`

  it('once ends the test with its record', async () => {
    const { outcome, interrupt, lines } = await run(waits)
    await until(() => lines.length > 0)
    interrupt(1)
    expect(await outcome).toMatchObject({ reason: 'interrupted', steps: [{ step: 's1' }] })
  })

  it('twice kills it, and that is exit 130', async () => {
    const { outcome, interrupt, lines } = await run(
      `process.on('SIGINT', () => {}); setInterval(() => {}, 1000); ${says(start)}`,
    )
    await until(() => lines.length > 0)
    interrupt(1)
    interrupt(2)
    await expect(outcome).rejects.toMatchObject({ exitCode: 130 })
  })

  it('may come as a signal of the program, even before k6 began', async () => {
    const controller = new AbortController()
    const { outcome, lines } = await run(waits, { signal: controller.signal })
    await until(() => lines.length > 0)
    controller.abort()
    expect((await outcome).reason).toBe('interrupted')
  })
})

describe('the flags and variables', () => {
  it('turn off everything of k6 that costs memory or calls home', () => {
    expect(k6Arguments(plan, '/runs/a').slice(0, -1)).toEqual([
      'run',
      '--quiet',
      '--summary-mode=disabled',
      '--no-thresholds',
      '--no-usage-report',
      '--address',
      '',
      '--out',
      'ragscale=/runs/a',
    ])
  })

  it('give Go the certificate authority of the endpoint', () => {
    const target = { ...plan.target, caFile: '/ca.pem' }
    expect(k6Environment({}, { target }, '/plan.json')).toEqual({
      K6_AUTO_EXTENSION_RESOLUTION: 'false',
      RAGSCALE_PLAN: '/plan.json',
      SSL_CERT_FILE: '/ca.pem',
    })
  })
})
