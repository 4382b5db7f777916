/** The job that `init` writes for CI, its own shell steps run in their order on the local target. */
import { chmod, cp, mkdir, readFile, readdir, writeFile } from 'node:fs/promises'
import { delimiter, dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { execa } from 'execa'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { parse } from 'yaml'
import { type Workplace, workplace } from './ragscale.ts'

const checkout = fileURLToPath(new URL('../../', import.meta.url))

interface Step {
  readonly name?: string
  readonly id?: string
  readonly if?: string
  readonly run?: string
}

interface Ran {
  readonly name: string
  readonly exitCode: number
  readonly output: string
}

/** Everything but its length is as rendered: minutes of load are a CI job's, not a test's. */
function shortened(command: string): string {
  return command.replace(
    /--scenario sweep --duration \d+s --warmup 5s/,
    '--scenario sweep --rates 15/s,20/s --duration 4s --warmup 1s',
  )
}

/** Whether GitHub would run the step, after those that have run. */
function wanted(step: Step, failed: boolean, ids: ReadonlySet<string>): boolean {
  switch (step.if) {
    case undefined:
      return !failed
    case 'always()':
      return true
    case 'failure()':
      return failed
    case "${{ !cancelled() && steps.load.outcome != 'skipped' }}":
      return ids.has('load')
    default:
      throw new Error(`this test does not know the condition ${step.if}`)
  }
}

describe('the CI job of a stack on the local target', () => {
  let place: Workplace
  let steps: readonly Step[]
  let env: Record<string, string>
  const ran: Ran[] = []

  beforeAll(async () => {
    place = await workplace()
    await place.ragscale('init', '--yes', '--out', 'elsewhere')
    const workflow = parse(
      await readFile(join(place.folder, 'elsewhere/deploy/ci/github-actions.yaml'), 'utf8'),
    )
    steps = workflow.jobs.capacity.steps
    // What the step that installs ragscale puts on the PATH.
    const bin = join(place.folder, '.bin')
    await mkdir(bin)
    await writeFile(
      join(bin, 'ragscale'),
      `#!/bin/sh\nexec "${process.execPath}" "${checkout}bin/ragscale.js" "$@"\n`,
    )
    await chmod(join(bin, 'ragscale'), 0o755)
    await mkdir(join(place.folder, 'docs'))
    await cp(join(checkout, 'docs/glossary.md'), join(place.folder, 'docs/glossary.md'))
    env = {
      PATH: [bin, dirname(process.execPath), process.env['PATH']].join(delimiter),
      DOCUMENTS: workflow.jobs.capacity.env.DOCUMENTS,
      GITHUB_STEP_SUMMARY: join(place.folder, 'step-summary.md'),
    }
    await runJob()
  })
  afterAll(() => place.leave())

  async function runJob(): Promise<void> {
    const ids = new Set<string>()
    let failed = false
    for (const step of steps) {
      const { name = '', run } = step
      if (run === undefined || run.startsWith('npm install') || !wanted(step, failed, ids)) continue
      // As GitHub runs a step whose shell is bash.
      const { exitCode = -1, all } = await execa('bash', ['-eo', 'pipefail', '-c', shortened(run)], {
        cwd: place.folder,
        env,
        reject: false,
        all: true,
        stdin: 'ignore',
        timeout: 120_000,
      })
      if (step.id !== undefined) ids.add(step.id)
      if (exitCode !== 0) failed = true
      ran.push({ name, exitCode, output: all })
    }
  }

  const resultOf = (name: string): Ran => {
    const found = ran.find((one) => one.name === name)
    if (found === undefined) throw new Error(`${name} did not run: ${ran.map((one) => one.name).join(', ')}`)
    return found
  }

  test('writes the stack where there is none, brings it up and fills its collection', () => {
    for (const name of [
      'The stack, where the repository has none',
      'Bring the stack up',
      'Fill the collection',
    ]) {
      const { exitCode, output } = resultOf(name)
      expect(exitCode, output).toBe(0)
    }
  })

  test('its load ends as a load does: held, broken, or on a machine too busy to tell', () => {
    const { exitCode, output } = resultOf('Load it')
    expect([0, 5, 6], output).toContain(exitCode)
  })

  test('its run is kept with report, summary, JUnit and record', async () => {
    const files = await readdir(join(place.folder, 'runs/ci'))
    expect(files).toEqual(expect.arrayContaining(['report.html', 'summary.md', 'junit.xml', 'run.json']))
  })

  test('what today’s counts are good for is asked and written, unless nothing could be measured', async () => {
    const load = resultOf('Load it')
    const { exitCode, output } = resultOf("Do today's counts suffice?")
    expect(load.exitCode === 6 ? [0, 5, 6] : [0, 5], output).toContain(exitCode)
    if (exitCode === 6) return
    expect(await readFile(join(place.folder, 'recommendation.md'), 'utf8')).toContain('|')
  })

  test('the summary is the run’s and the recommendation’s', async () => {
    const summary = await readFile(join(place.folder, 'step-summary.md'), 'utf8')
    expect(summary).toContain(await readFile(join(place.folder, 'runs/ci/summary.md'), 'utf8'))
  })

  test('it leaves nothing running', async () => {
    expect(resultOf('Take the stack down').exitCode).toBe(0)
    const { exitCode } = await place.ragscale('status')
    expect(exitCode).toBe(4)
  })
})
