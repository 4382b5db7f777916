/**
 * What ragscale does with servers that it did not start. The same tests run against emulators and, by
 * `npm run test:real`, against anything given by URL: they ask a few questions a second for a few seconds,
 * and write only into a collection of their own.
 */
import { randomBytes } from 'node:crypto'
import { readFile, readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { callerOf } from '../../src/load/http.ts'
import type { Run, RunStep } from '../../src/recording/run.ts'
import type { Workplace } from '../e2e/ragscale.ts'
import type { Endpoints, Written } from './endpoints.ts'
import { documents, externalPlace, questions } from './place.ts'

/** A busy machine makes a measurement invalid (6), which is its own good word; every other code is an error. */
const measuredWell = [0, 6]

async function load(place: Workplace, stage: string, name: string): Promise<{ run: Run; step: RunStep }> {
  const { stdout, stderr, exitCode } = await place.ragscale(
    ...`--json --yes loadtest --scenario smoke --duration 3s --stage ${stage} --name ${name}`.split(' '),
  )
  expect(measuredWell, `${stdout}\n${stderr}`).toContain(exitCode)
  const run = JSON.parse(stdout) as Run
  const step = run.steps[0]
  if (step === undefined) throw new Error(`no step in ${stdout}`)
  return { run, step }
}

function allAnswered(step: RunStep): void {
  expect(step.errors).toEqual({})
  expect(step.requests).toBeGreaterThan(0)
  expect(step.succeeded).toBe(step.requests)
  expect(step.metrics['latency']?.count).toBe(step.requests)
}

/** A few questions a second to one endpoint, and the run that they leave. */
export function loadsStage(
  stage: 'embed' | 'rerank' | 'generate' | 'pipeline',
  title: string,
  endpoint: Written,
): void {
  describe(title, () => {
    let place: Workplace
    beforeAll(async () => {
      place = await externalPlace({ [stage]: endpoint })
      if (stage === 'rerank') await writeFile(join(place.folder, 'questions.txt'), withDocuments())
    })
    afterAll(() => place.leave())

    test('status says that it answers, and up that there is nothing to start', async () => {
      const status = await place.ragscale('status')
      expect(status).toMatchObject({ exitCode: 0 })
      const up = await place.ragscale('up')
      expect(up).toMatchObject({ exitCode: 0 })
      expect(up.stdout).toContain('neither starts nor stops them')
    })

    test('a load leaves a run in which every request was answered, and its pages', async () => {
      const { run, step } = await load(place, stage, 'first')
      allAnswered(step)
      expect(run).toMatchObject({ target: 'external', emulated: false, stages: [stage] })
      expect(run.environment.versions).toHaveProperty(stage)
      if (stage === 'generate') {
        expect(step.metrics['ttft']?.count).toBe(step.requests)
        expect(step.metrics['ttft']?.p50).toBeLessThanOrEqual(step.metrics['latency']?.p50 ?? 0)
      }
      const files = await readdir(join(place.folder, 'runs', 'first'))
      expect(files).toEqual(
        expect.arrayContaining([
          'run.json',
          'latency.hlog',
          'report.html',
          'summary.md',
          'junit.xml',
          'k6.log',
        ]),
      )
      expect(await place.ragscale('report', 'first')).toMatchObject({ exitCode: 0 })
    })

    test('the questions asked stay out of the run', async () => {
      const folder = join(place.folder, 'runs', 'first')
      for (const file of await readdir(folder))
        expect(await readFile(join(folder, file), 'utf8'), file).not.toContain('How many replicas are enough')
    })
  })
}

/** As JSON lines: what is to be ranked comes with each question, where there is no Qdrant to draw it from. */
function withDocuments(): string {
  return questions
    .map((query) => `${JSON.stringify({ query, documents: Object.values(documents) })}\n`)
    .join('')
}

/** Documents in, vectors out, in a collection that is made for it and deleted. */
export function loadsRetrieval(
  title: string,
  { embed, vector }: Required<Pick<Endpoints, 'embed' | 'vector'>>,
): void {
  describe(title, () => {
    const collection = `ragscale-test-${randomBytes(6).toString('hex')}`
    let place: Workplace
    beforeAll(async () => {
      place = await externalPlace({ embed, vector: { ...vector, collection } })
    })
    afterAll(async () => {
      await qdrant(vector, 'DELETE', `/collections/${collection}`)
      await place.leave()
    })

    test('ingest makes the collection with the dimensions that the model gives', async () => {
      const summary = await place.json('--yes', 'ingest', 'documents')
      expect(summary).toMatchObject({ collection, found: 3, added: 3, removed: 0 })
      expect(await qdrant(vector, 'GET', `/collections/${collection}`)).toMatchObject({
        result: { config: { params: { vectors: { size: expect.any(Number) as number } } } },
      })
    })

    test('what is there already is not written again', async () => {
      expect(await place.json('--yes', 'ingest', 'documents')).toMatchObject({ unchanged: 3, chunks: 0 })
    })

    test('a load of retrieve asks with embedded questions and knows its recall', async () => {
      const { step } = await load(place, 'retrieve', 'first')
      allAnswered(step)
      expect(step.recallAtK).toBeGreaterThan(0)
    })
  })
}

/** Only reads: vectors drawn from the collection stand in for questions. */
export function loadsCollection(title: string, vector: Written, collection: string): void {
  describe(title, () => {
    test('a load of retrieve asks with vectors of the collection itself', async () => {
      const place = await externalPlace({ vector: { ...vector, collection } })
      try {
        const { step } = await load(place, 'retrieve', 'read-only')
        allAnswered(step)
      } finally {
        await place.leave()
      }
    })
  })
}

/** Asks the Qdrant itself, as somebody who looks after it would. */
async function qdrant(vector: Written, method: 'GET' | 'DELETE', path: string): Promise<unknown> {
  const caller = await callerOf({ ...vector, urls: [vector.url], protocol: 'qdrant' }, process.env)
  try {
    const { status, text } = await caller.call(path, { method })
    expect(status, text).toBe(200)
    return JSON.parse(text)
  } finally {
    await caller.close()
  }
}
