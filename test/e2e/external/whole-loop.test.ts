import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Recommendation } from '../../../src/capacity/types.ts'
import type { Run } from '../../../src/recording/run.ts'
import { externalPlace, questions } from '../../real/place.ts'
import type { Workplace } from '../ragscale.ts'
import type { FromServer, ToServer } from '../servers/rag-service.ts'
import { startServer } from '../servers/start.ts'
import { Servers } from './servers.ts'

const servers = new Servers()
afterAll(() => servers.stop())

const model = 'meta-llama/Llama-3.1-8B-Instruct'
const small = '--scenario smoke --duration 3s'.split(' ')

describe('a RAG service described by a template and a path', () => {
  const service = startServer<ToServer, FromServer>('./rag-service.ts')
  const body = '{"question": {{query}}, "language": "en"}'
  let place: Workplace
  let url: string

  beforeAll(async () => {
    servers.alsoEnd(() => service.stop())
    const { port } = await service.ask({ type: 'configure' }, 'listening')
    url = `http://127.0.0.1:${port}/ask`
    place = await externalPlace({
      pipeline: { url, protocol: 'http', body, answer: '$.result.answers[0].text' },
    })
  })
  afterAll(() => place.leave())

  test('is asked the questions of the file, whole and as JSON', async () => {
    await writeFile(join(place.folder, 'questions.txt'), 'Is "quoted" $& text\\ kept?\n')
    const { stdout, exitCode } = await place.ragscale('--json', 'loadtest', ...small, '--name', 'quoted')
    expect([0, 6], stdout).toContain(exitCode)
    const { steps } = JSON.parse(stdout) as Run
    expect(steps[0]).toMatchObject({ stage: 'pipeline', errors: {} })
    expect(steps[0]?.succeeded).toBeGreaterThan(0)
    const { questions: asked } = await service.ask({ type: 'asked' }, 'asked')
    expect(new Set(asked)).toEqual(new Set(['Is "quoted" $& text\\ kept?']))
    await writeFile(join(place.folder, 'questions.txt'), `${questions.join('\n')}\n`)
  })

  test('is recommended from like any other stack, from one sweep and without a tier of ours', async () => {
    const rates = '4/s,8/s,16/s,24/s,32/s'
    const swept = await place.ragscale(
      ...`--json loadtest --stage pipeline --rates ${rates} --duration 5s --warmup 0.5s --name sweep`.split(
        ' ',
      ),
    )
    expect([0, 6], swept.stderr).toContain(swept.exitCode)
    const { exitCode, stdout, stderr } = await place.ragscale('--json', 'recommend', '--rate', '12/s')
    // Whether the steps may be believed is the machine's matter, and whether they suffice the recommender's.
    expect([0, 1, 5, 6], stderr).toContain(exitCode)
    if (exitCode === 0 || exitCode === 5) {
      const { tiers, schema } = JSON.parse(stdout) as Recommendation
      expect(schema).toBe('ragscale.recommendation/1')
      expect(Object.keys(tiers)).toEqual(['gateway'])
    } else expect(JSON.parse(stdout)).toHaveProperty('error.hint')
  })

  test('is not changed by ragscale: apply and verify are refused, and the file is as it was', async () => {
    const file = join(place.folder, 'ragscale.yaml')
    const before = await readFile(file, 'utf8')
    for (const flag of ['--apply', '--verify']) {
      const { exitCode, stderr } = await place.ragscale('recommend', flag)
      expect(exitCode).toBe(2)
      expect(stderr).toContain('somebody else runs')
    }
    expect(await readFile(file, 'utf8')).toBe(before)
    expect((await place.ragscale('scale', 'embed=2')).exitCode).toBe(2)
  })

  test('whose answer is not where the path says is refused, with what is there, before it is loaded', async () => {
    const { questions: before } = await service.ask({ type: 'asked' }, 'asked')
    const other = await externalPlace({ pipeline: { url, protocol: 'http', body, answer: '$.result.text' } })
    const { exitCode, stderr } = await other.ragscale('loadtest', ...small)
    expect(exitCode).toBe(2)
    expect(stderr).toContain('nothing at $.result.text; at $.result there is: answers')
    const { questions: after } = await service.ask({ type: 'asked' }, 'asked')
    expect(after.length).toBe(before.length + 1)
    await other.leave()
  })

  test('that refuses the template says so in its own words', async () => {
    const other = await externalPlace({
      pipeline: { url, protocol: 'http', body: '{"query": {{query}}}', answer: '$.answer' },
    })
    const { exitCode, stderr } = await other.ragscale('loadtest', ...small)
    expect(exitCode).toBe(4)
    expect(stderr).toContain('it answered 400: {"error":"no question"}')
    await other.leave()
  })
})

describe('the reference gateway, run by somebody else', () => {
  let place: Workplace
  beforeAll(async () => {
    const [tei, vllm, qdrant] = await Promise.all([servers.tei(), servers.vllm(model), servers.qdrant()])
    const parts = { embed: tei, vector: qdrant, generate: vllm, collection: 'docs', model }
    place = await externalPlace({
      embed: { url: tei },
      vector: { url: qdrant, collection: 'docs' },
      generate: { url: vllm, model },
      pipeline: { url: await servers.gateway(parts), protocol: 'ragscale' },
    })
  })
  afterAll(() => place.leave())

  test('is loaded through all its stages once documents are ingested', async () => {
    expect(await place.json('ingest', 'documents')).toMatchObject({ added: 3 })
    const { stdout, stderr, exitCode } = await place.ragscale(
      '--json',
      'loadtest',
      ...small,
      '--name',
      'whole',
    )
    expect([0, 6], stderr).toContain(exitCode)
    const { steps, stages } = JSON.parse(stdout) as Run
    expect(stages).toEqual(['pipeline'])
    expect(steps[0]?.errors).toEqual({})
    expect(Object.keys(steps[0]?.metrics ?? {})).toEqual(
      expect.arrayContaining(['latency', 'rag_ttft', 'embed', 'retrieve', 'generate']),
    )
  })

  test('has a run that knows what every server said it was', async () => {
    const { stdout } = await place.ragscale(
      ...`--json loadtest --stage retrieve --stage generate`.split(' '),
      ...small,
    )
    const { environment } = JSON.parse(stdout) as Run
    expect(environment.versions).toMatchObject({
      embed: expect.stringMatching(/^tei \d/) as string,
      vector: expect.stringMatching(/^qdrant \d/) as string,
      generate: expect.stringMatching(/^vllm \d/) as string,
    })
  })

  test('its runs are reported as those of servers that somebody else runs', async () => {
    const { stdout, exitCode } = await place.ragscale('report', 'whole')
    expect(exitCode).toBe(0)
    expect(stdout).toContain('pipeline')
  })
})
