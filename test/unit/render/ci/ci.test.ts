import { describe, expect, test } from 'vitest'
import { parse } from 'yaml'
import { createProgram } from '../../../../src/cli.ts'
import { readTemplates } from '../../../../src/deployed/templates.ts'
import { renderCi } from '../../../../src/render/ci/ci.ts'
import { loadStepOf } from '../../../../src/render/ci/load-step.ts'
import { version } from '../../../../src/catalog/reference/service.ts'
import { type Stack, targets } from '../../../../src/stack/stack.ts'
import { ragscaleVersion } from '../../../../src/version.ts'
import { fakeRuntime } from '../../../cli/fake-runtime.ts'
import { presetStack } from '../preset-stack.ts'

const templates = await readTemplates()

interface Step {
  readonly name?: string
  readonly uses?: string
  readonly run?: string
  readonly if?: string
}

function jobsOf(stack: Stack) {
  const files = renderCi(stack, templates)
  const github = parse(files.get('ci/github-actions.yaml') ?? '')
  const gitlab = parse(files.get('ci/gitlab-ci.yaml') ?? '').ragscale
  const steps: readonly Step[] = github.jobs.capacity.steps
  const commands = steps.flatMap(({ run }) => (run === undefined ? [] : [run]))
  const scripts: readonly string[] = [
    ...gitlab.before_script,
    ...gitlab.script,
    ...(gitlab.after_script ?? []),
  ]
  return { github, gitlab, steps, commands, scripts }
}

const stacks: readonly (readonly [string, Stack])[] = [
  ...(await Promise.all(
    targets
      .filter((target) => target !== 'external')
      .map(async (target) => [`production on ${target}`, await presetStack('production', target)] as const),
  )),
  ['laptop on local', await presetStack('laptop', 'local')],
  ['external', await presetStack('external', 'external')],
]

describe.each(stacks)('the CI jobs of %s', (_name, stack) => {
  const { github, gitlab, steps, commands, scripts } = jobsOf(stack)

  test('every line that calls ragscale is one that the real command line takes', async () => {
    const called = [...commands, ...scripts].flatMap((script) =>
      [...script.matchAll(/(?:^|\|\| |then |else )ragscale ([^\n|;]*)/gm)].map(([, args = '']) =>
        args.trim(),
      ),
    )
    expect(called.length).toBeGreaterThan(8)
    for (const line of called) {
      const args = line.replaceAll('"', '').split(/\s+/)
      // Nothing is run: the tree alone says whether the flags and their values are known.
      const program = createProgram(fakeRuntime())
      const parsed: string[] = []
      for (const command of program.commands) command.action(() => void parsed.push(command.name()))
      await program.parseAsync(args, { from: 'user' })
      expect(parsed, line).toHaveLength(1)
    }
  })

  test('both run the same: up, load, recommend', () => {
    const only = (lines: readonly string[]) =>
      lines.flatMap(
        (line) => /ragscale (?:--yes )?(status|up|ingest|loadtest|recommend|render)\b/.exec(line)?.[1] ?? [],
      )
    expect(only(commands)).toEqual(only(scripts))
    expect(only(commands)).toContain('loadtest')
    expect(only(commands)).toContain('recommend')
  })

  test('the stack is taken down whatever happened, where it is ours', () => {
    const down = steps.find(({ run }) => run === 'ragscale --yes down')
    if (stack.target === 'external') expect(down).toBeUndefined()
    else {
      expect(down?.if).toBe('always()')
      expect(steps.at(-1)).toEqual(down)
      expect(gitlab.after_script.at(-1)).toBe('ragscale --yes down')
    }
  })

  test('the GitHub workflow asks for no more than it needs, and ends', () => {
    expect(github.permissions).toEqual({ contents: 'read' })
    expect(github.jobs.capacity['timeout-minutes']).toBeLessThanOrEqual(60)
    expect(github.concurrency['cancel-in-progress']).toBe(false)
    for (const { uses } of steps)
      if (uses !== undefined) expect(uses).toMatch(/^actions\/[a-z-]+@[0-9a-f]{40}$/)
  })

  test('the report, the summary and JUnit are kept, also of a run that failed', () => {
    const upload = steps.find(({ uses }) => uses?.startsWith('actions/upload-artifact'))
    expect(upload).toMatchObject({ if: 'always()', with: { path: expect.stringContaining('runs/ci') } })
    expect(steps.find(({ run }) => run?.includes('GITHUB_STEP_SUMMARY'))?.if).toBe('always()')
    expect(gitlab.artifacts).toMatchObject({ when: 'always', reports: { junit: 'runs/ci/junit.xml' } })
  })

  test('the version of ragscale that rendered it is the one that it installs', () => {
    expect(version).toBe(ragscaleVersion())
    expect(commands.join('\n')).toContain(`npm install --global ragscale@${version}`)
    expect(scripts.join('\n')).toContain(`ragscale@${version}`)
  })
})

describe('what a job needs follows from the stack', () => {
  test('GPUs need a runner of one’s own, a rehearsal of the same stack does not', async () => {
    const real = jobsOf(await presetStack('production', 'compose'))
    expect(real.github.jobs.capacity['runs-on']).toEqual(['self-hosted', 'gpu'])
    expect(real.gitlab).toMatchObject({ tags: ['gpu'] })
    const rehearsed = jobsOf(await presetStack('production', 'compose', { rehearse: true }))
    expect(rehearsed.github.jobs.capacity['runs-on']).toBe('ubuntu-24.04')
    expect(rehearsed.gitlab).toMatchObject({ tags: ['docker'] })
    expect(rehearsed.gitlab.image).toBeUndefined()
  })

  test('secrets come by the names of the variables that the stack names', async () => {
    const key = { 'endpoints.vector.apiKeyEnv': 'QDRANT_API_KEY' }
    const { github } = jobsOf(await presetStack('external', 'external', key))
    expect(github.jobs.capacity.env).toMatchObject({ QDRANT_API_KEY: '${{ secrets.QDRANT_API_KEY }}' })
  })

  test('kubernetes is reached by a kubeconfig, and by nothing else', async () => {
    expect(jobsOf(await presetStack('small', 'kubernetes')).commands.join()).toContain('kubeconfig')
    expect(jobsOf(await presetStack('small', 'compose')).commands.join()).not.toContain('kubeconfig')
  })

  test('a stack in a file of another name is named in every command', async () => {
    const stack = { ...(await presetStack('laptop', 'local')), file: '/stacks/preset/other.yaml' }
    const { commands } = jobsOf(stack)
    const calls = commands.filter((command) => command.startsWith('ragscale'))
    for (const call of calls) expect(call).toMatch(/^ragscale --file other\.yaml /)
    expect(commands.join()).toContain('test -f other.yaml || ragscale --file other.yaml --yes init')
  })
})

describe('how long a step of the load is', () => {
  test('as long as the SLO that asks for most needs at the expected rate', async () => {
    const { seconds, because } = loadStepOf(await presetStack('production', 'compose'))
    // 1.5 · 300 requests at 20/s.
    expect(seconds).toBe(23)
    expect(because).toContain('300 requests')
  })

  test('never longer than all of them fit in the job', async () => {
    const stack = await presetStack('production', 'compose', { 'workload.rate': '1/s' })
    const { seconds, stages } = loadStepOf(stack)
    const ratesOfASweep = 7
    const aroundAStep = 15
    expect(stages.length * ratesOfASweep * (seconds + aroundAStep)).toBeLessThan(60 * 60)
  })

  test('stages are those that there is something to call for', async () => {
    expect(loadStepOf(await presetStack('production', 'local')).stages).toEqual([
      'embed',
      'retrieve',
      'rerank',
      'generate',
      'pipeline',
    ])
    expect(loadStepOf(await presetStack('external', 'external')).stages).toEqual([
      'embed',
      'retrieve',
      'generate',
    ])
  })
})
