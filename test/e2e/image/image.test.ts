/** Our own image in a real engine: nothing of it is written, nobody in it is root, and what is stopped drains. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { describeWithEngine } from '../../engine/describe-with-engine.ts'
import { tagOf } from '../../images/make.ts'
import { Containers } from './containers.ts'

const listens = (port: number) => ({ host: '127.0.0.1', port })
const key = { apiKeyEnv: 'QDRANT_API_KEY' }
const collection = {
  name: 'docs',
  dimensions: 8,
  distance: 'Cosine',
  points: 100,
  shards: 2,
  replication: 1,
  writeConsistency: 1,
  quantization: 'none',
}

describeWithEngine('the image', (env) => {
  let containers: Containers
  let gateway: string

  beforeAll(async () => {
    containers = await Containers.open(tagOf('ragscale'), env)
  })

  afterAll(async () => await containers?.close())

  /** Asks until it answers 200. */
  async function ready(url: string): Promise<string> {
    return await containers.script(`
      const until = Date.now() + 60_000
      for (;;) {
        const status = await fetch(${JSON.stringify(url)}).then((r) => r.status, (error) => error.cause?.code)
        if (status === 200 || Date.now() > until) { console.log(status); break }
        await new Promise((resolve) => setTimeout(resolve, 200))
      }`)
  }

  test('runs the emulators, also on a port below 1024, and keeps points on a volume', async () => {
    const law = { maxBatchTokens: 16_384, maxConcurrent: 512, cv: 0 }
    await containers.start('emulators/tei', {
      ...listens(80),
      component: 'tei',
      model: 'a-model',
      modelType: 'embedding',
      dimensions: 8,
      seed: '1 ${HOSTNAME}',
      emulation: { model: 'batching', overheadMs: 1, msPerToken: 0.01, ...law },
    })
    await containers.start('emulators/vllm', {
      ...listens(8000),
      component: 'vllm',
      model: 'a-model',
      emulation: {
        model: 'continuous',
        stepMs: 100,
        msPerSequence: 0,
        prefillMs: 0,
        msPerPrefillToken: 0,
        maxSequences: 8,
        maxBatchedTokens: 8_192,
        kvTokens: 100_000,
        cv: 0,
      },
    })
    await containers.start(
      'emulators/qdrant',
      {
        ...listens(6333),
        peerPort: 6335,
        uri: 'http://127.0.0.1:6335',
        bootstrap: 'http://127.0.0.1:6335',
        dataFolder: '/data',
        emulation: { model: 'search', servers: 4, baseMs: 0, msPerMillionPoints: 0, fanoutMs: 0, cv: 0 },
        ...key,
      },
      ['--volume', `${await containers.volume()}:/data`],
    )
    expect(await ready('http://127.0.0.1:80/health')).toBe('200')
    expect(await ready('http://127.0.0.1:8000/health')).toBe('200')
    expect(await ready('http://127.0.0.1:6333/readyz')).toBe('200')
  })

  test('makes the collection as a job, with a key from a file, and ends', async () => {
    const config = {
      vector: { url: 'http://127.0.0.1:6333', ...key },
      nodes: 1,
      collection,
      waitSeconds: 60,
    }
    expect(await containers.run('collection', config)).toEqual({
      exitCode: 0,
      stdout: 'collection docs: 2 shards × 1 copy on 1 node, created',
      stderr: expect.stringMatching(/^ragscale \S+: collection$/) as string,
    })
  })

  test('writes a document and answers a query from it', async () => {
    const embed = { url: 'http://127.0.0.1:80' }
    await containers.start('worker', {
      ...listens(8085),
      embed,
      vector: { url: 'http://127.0.0.1:6333', ...key },
      collection,
    })
    gateway = await containers.start('gateway', {
      ...listens(8080),
      embed,
      vector: { url: 'http://127.0.0.1:6333', collection: 'docs', ...key },
      generate: { url: 'http://127.0.0.1:8000', model: 'a-model', maxTokens: 30 },
      drain: { graceMs: 20_000 },
    })
    expect(await ready('http://127.0.0.1:8085/readyz')).toBe('200')
    expect(await ready('http://127.0.0.1:8080/readyz')).toBe('200')
    const said = await containers.script(`
      const post = (url, body) => fetch(url, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) })
      await post('http://127.0.0.1:8085/documents', { source: 'a.md', text: 'A shard is a part of a collection.' })
      const answer = await post('http://127.0.0.1:8080/retrieve', { query: 'What is a shard?' })
      console.log(JSON.stringify((await answer.json()).sources.map(({ text }) => text)))`)
    expect(JSON.parse(said)).toEqual(['A shard is a part of a collection.'])
  })

  test('has a process that is no root, is the first of its container, and can write nowhere but /tmp', async () => {
    expect(await containers.exec(gateway, 'id', '-u')).toBe('1000')
    expect(await containers.exec(gateway, 'cat', '/proc/1/comm')).toMatch(/^(node|MainThread)/)
    await expect(containers.exec(gateway, 'touch', '/app/x')).rejects.toThrow('Read-only file system')
    await containers.exec(gateway, 'touch', '/tmp/x')
  })

  test('lets a query in flight end when it is stopped, says so, and exits 0', async () => {
    const asked = containers.script(`
      const response = await fetch('http://127.0.0.1:8080/query', { method: 'POST', headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ query: 'What is a shard?', stream: true }) })
      const text = await response.text()
      console.log(response.status, text.includes('event: done'))`)
    await expect
      .poll(
        async () =>
          await containers.script(
            `console.log((await (await fetch('http://127.0.0.1:8080/readyz')).json()).inFlight)`,
          ),
        { timeout: 20_000 },
      )
      .toBe('1')
    expect(await containers.stop(gateway, 30)).toBe(0)
    expect(await asked).toBe('200 true')
    expect(await containers.logs(gateway)).toContain('stopping: what is in flight has 20 s to end')
  })

  test('ends at once when it is stopped before it listens', async () => {
    const loading = await containers.start('emulators/tei', {
      ...listens(8090),
      component: 'tei',
      model: 'a-model',
      startupMs: 120_000,
      emulation: { model: 'fifo', law: { kind: 'fixed', meanMs: 1 }, servers: 1, queueLimit: null },
    })
    await expect
      .poll(async () => await containers.logs(loading), { timeout: 60_000 })
      .toMatch(/^ragscale \S+: emulators\/tei$/m)
    // 143 before the service is loaded, 0 after; 137 would be the engine's kill.
    expect([0, 143]).toContain(await containers.stop(loading, 60))
  })
})
