import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { run } from '../../src/main.ts'
import { loadStack } from '../../src/stack/load.ts'
import { type FakeOptions, fakeRuntime } from './fake-runtime.ts'

let cwd: string

beforeEach(async () => {
  cwd = await mkdtemp(join(tmpdir(), 'ragscale-init-'))
})
afterEach(() => rm(cwd, { recursive: true, force: true }))

async function ragscale(args: string, options: FakeOptions = {}) {
  const runtime = fakeRuntime({ cwd, ...options })
  const exitCode = await run(args.split(' '), runtime)
  return { exitCode, out: runtime.out(), err: runtime.err() }
}

const written = (path = 'ragscale.yaml') => readFile(join(cwd, path), 'utf8')
const stack = (path = 'ragscale.yaml') => loadStack(path, { cwd })

describe('ragscale init without anybody to answer', () => {
  test('writes the laptop preset, the schema for editors and a few questions, and says what comes next', async () => {
    const { exitCode, out, err } = await ragscale('init')
    expect(exitCode).toBe(0)
    expect(err).toBe('')
    expect(out).toContain('wrote ragscale.yaml')
    expect(out).toContain('wrote data/queries.jsonl')
    expect(out).toContain('Next:\n  ragscale up\n')
    expect((await stack()).name).toBe('laptop')
    expect(JSON.parse(await written('.ragscale/schema.json'))).toHaveProperty('properties.tiers')
    const queries = (await written('data/queries.jsonl')).trim().split('\n')
    expect(queries.map((line) => typeof JSON.parse(line).query)).toEqual(queries.map(() => 'string'))
  })

  test.each(['laptop', 'small', 'production'])(
    'the preset %s is right on every target of ours',
    async (preset) => {
      for (const target of ['local', 'compose', 'swarm', 'kubernetes']) {
        const { exitCode } = await ragscale(`init --preset ${preset} --target ${target} --yes --force`)
        expect(exitCode).toBe(0)
        expect(await stack()).toMatchObject({ name: preset, target })
      }
    },
  )

  test('writes deploy/ for the target, with CI jobs, and says how that is started', async () => {
    const local = await ragscale('init')
    expect(local.out).toContain('wrote deploy/ci ')
    const compose = await ragscale('init --target compose --force')
    expect(compose.out).toContain('wrote deploy ')
    expect(compose.out).toContain('  ragscale up\n')
    expect(await written('deploy/compose/compose.yaml')).toContain('name: laptop')
    expect(await written('deploy/ci/github-actions.yaml')).toContain('ragscale --yes up')
    const helm = await ragscale('init --target kubernetes --force --preset production')
    expect(helm.out).toContain('  ragscale up\n')
  })

  test('a file in deploy/ that a user has changed stays, and is named', async () => {
    await ragscale('init')
    await writeFile(join(cwd, 'deploy/ci/gitlab-ci.yaml'), 'mine\n')
    const { out } = await ragscale('init --force')
    expect(out).toContain('kept  deploy/ci/gitlab-ci.yaml')
    expect(await written('deploy/ci/gitlab-ci.yaml')).toBe('mine\n')
  })

  test('--set changes values and keeps the comments of the preset', async () => {
    await ragscale(
      'init --set tiers.embed.replicas=3 --set workload.rate=50/s --set slo.pipeline.ttft.p95=2s',
    )
    expect(await stack()).toMatchObject({ tiers: { embed: { replicas: 3 } }, workload: { rate: 50 } })
    expect(await written()).toContain('replicas: 3\n    gpu: cpu # about 200 short queries a second')
  })

  test('--set with nothing behind the = takes a key out', async () => {
    await ragscale('init --set slo.pipeline= --set tiers.gateway=')
    expect((await stack()).tiers.gateway).toBeUndefined()
  })

  test('external begins with endpoints', async () => {
    const { exitCode, out } = await ragscale('init --target external --set endpoints.generate.model=llama')
    expect(exitCode).toBe(0)
    expect((await stack()).endpoints).toMatchObject({ generate: { model: 'llama' } })
    expect(out).toContain('ragscale loadtest --stage embed --scenario smoke')
  })

  test('--out writes elsewhere, and the next commands find it there', async () => {
    const { out } = await ragscale('init --out sub/rag')
    expect((await stack('sub/rag/ragscale.yaml')).name).toBe('laptop')
    expect(out).toContain('ragscale --file sub/rag/ragscale.yaml up')
  })

  test('--json prints one document', async () => {
    const { out } = await ragscale('init --json')
    expect(JSON.parse(out)).toMatchObject({
      schema: 'ragscale.init/1',
      file: join(cwd, 'ragscale.yaml'),
      target: 'local',
      files: [{ path: join(cwd, 'ragscale.yaml'), kept: false }, {}, {}],
      deploy: { folder: join(cwd, 'deploy'), rendering: 'ci', files: [{ change: 'wrote' }, {}] },
    })
  })
})

describe('ragscale init keeps what is there', () => {
  test('an existing file is not replaced, even with --yes, unless forced', async () => {
    await writeFile(join(cwd, 'ragscale.yaml'), '# mine\n')
    const refused = await ragscale('init --yes')
    expect(refused).toMatchObject({ exitCode: 2 })
    expect(refused.err).toContain('--force')
    expect(await written()).toBe('# mine\n')
    expect((await ragscale('init --yes --force')).exitCode).toBe(0)
    expect(await written()).toContain('name: laptop')
  })

  test('asked, and answered no, it changes nothing', async () => {
    await writeFile(join(cwd, 'ragscale.yaml'), '# mine\n')
    const { exitCode } = await ragscale('init', { answers: { 'Replace it?': false } })
    expect(exitCode).toBe(0)
    expect(await written()).toBe('# mine\n')
  })

  test('queries that are there stay', async () => {
    await mkdir(join(cwd, 'data'))
    await writeFile(join(cwd, 'data/queries.jsonl'), 'mine\n')
    expect((await ragscale('init')).out).toContain('kept  data/queries.jsonl')
    expect(await written('data/queries.jsonl')).toBe('mine\n')
  })

  test('in a repository, git is told once to leave our folders out', async () => {
    await mkdir(join(cwd, '.git'))
    await writeFile(join(cwd, '.gitignore'), 'node_modules')
    await ragscale('init')
    await ragscale('init --force')
    expect(await written('.gitignore')).toBe('node_modules\n.ragscale/\nruns/\n')
    expect((await ragscale('init --out sub')).out).not.toContain('.gitignore')
  })
})

describe('ragscale init with wrong flags', () => {
  test.each([
    ['init --preset laptp', 'did you mean laptop?'],
    ['init --set replicas', 'expected <key>=<value>'],
    ['init --set tiers.embed.replicas=0', 'tiers.embed.replicas: expected a whole number'],
    ['init --set tiers.embed.replcas=2', 'did you mean replicas?'],
    ['init --set name.first=2', 'name is not a map'],
    ['init --target external --preset small', '--preset says which servers to run'],
    ['init --target mars', 'Allowed choices are'],
  ])('%s writes nothing and exits 2', async (args, message) => {
    const { exitCode, err } = await ragscale(args)
    expect(exitCode).toBe(2)
    expect(err).toContain(message)
    await expect(written()).rejects.toThrow('ENOENT')
  })
})

describe('ragscale init with somebody to answer', () => {
  const answers = {
    'Where does the stack run?': 'local',
    'What should it begin as?': 'small',
    'Which embedding model?': 'BAAI/bge-large-en-v1.5',
    'How many queries': '5/s',
    'Within what time': '6s',
  }

  test('asks for target, preset, model, rate and SLO, and writes the answers', async () => {
    const { exitCode } = await ragscale('init', { answers })
    expect(exitCode).toBe(0)
    const result = await stack()
    expect(result).toMatchObject({ name: 'small', workload: { rate: 5 } })
    expect(result.tiers.embed?.model).toBe('BAAI/bge-large-en-v1.5')
    expect(result.tiers.vector?.collection.dimensions).toBe(1024)
    expect(result.slo.find((slo) => slo.on === 'pipeline.latency.p95')?.limit).toBe(6000)
  })

  test('answers left as proposed leave the preset as it is', async () => {
    const proposed = Object.fromEntries(Object.keys(answers).map((question) => [question, '<default>']))
    await ragscale('init', { answers: proposed })
    const asked = await written()
    await ragscale('init --force --yes')
    expect(await written()).toBe(asked)
  })

  test('does not ask what flags have answered', async () => {
    const flags =
      '--target local --preset small --set tiers.embed.model=BAAI/bge-m3 --set workload.rate=1/s --set slo.pipeline.p95=9s'
    expect((await ragscale(`init ${flags}`, { answers: {} })).exitCode).toBe(0)
  })

  test('asks for URLs of servers that somebody else runs', async () => {
    const { exitCode } = await ragscale('init', {
      answers: {
        'Where does the stack run?': 'external',
        'embeddings server': 'http://10.0.0.1:8081',
        'URL of Qdrant': '',
        'reranking server': '',
        'chat server': '',
        'whole RAG service': 'http://10.0.0.1/ask',
        'What is posted': '<default>',
        'Where in what it answers': '$.text',
      },
    })
    expect(exitCode).toBe(0)
    const { endpoints, slo } = await stack()
    expect(Object.keys(endpoints)).toEqual(['embed', 'pipeline'])
    expect(endpoints.pipeline).toMatchObject({
      protocol: 'http',
      body: '{"question": {{query}}}',
      answer: '$.text',
    })
    expect(slo.map(({ stage }) => stage)).toEqual(['embed'])
  })

  test('a model that a rehearsal cannot time is refused while asking', async () => {
    const { err } = await ragscale('init', { answers: { ...answers, 'Which embedding model?': 'my/own' } })
    expect(err).toContain('A rehearsal needs a model whose timing is known')
  })
})
