/** Another image of a tier, replica by replica on a real engine, while users ask through the real balancers: nobody notices. */
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { describeWithEngine } from '../../engine/describe-with-engine.ts'
import { publishedTag } from '../../images/make.ts'
import { keepAsking } from './asking.ts'
import { type EnginePlace, enginePlace } from './place.ts'

const withinMs = 300_000
vi.setConfig({ testTimeout: withinMs + 60_000, hookTimeout: withinMs + 60_000 })
const names = [1, 2, 3].map((number) => `handbook-gateway-${number}`)
const another = 'ragscale:another'

describe.each(['nginx', 'haproxy'])('behind %s', (balancer) => {
  const yaml = (image: string): string => `name: handbook
target: compose
rehearse: true
tiers:
  gateway: { component: reference, replicas: 3, image: '${image}' }
  embed: { component: tei, model: BAAI/bge-small-en-v1.5 }
  vector:
    component: qdrant
    collection: { name: docs, dimensions: 384, distance: Cosine, points: 1_000, shards: 1, replication: 1 }
  generate: { component: vllm, model: meta-llama/Llama-3.1-8B-Instruct, gpu: H100, maxModelLength: 8192 }
balancer: { component: ${balancer}, image: '${balancer}:test' }
workload: { rate: 4/s, queries: queries.txt, seed: 7, topK: 3, outputTokens: 8 }
`

  describeWithEngine('the gateway on Compose', (env) => {
    let place: EnginePlace

    beforeAll(async () => {
      place = await enginePlace(env, yaml(await publishedTag()), withinMs)
      await writeFile(join(place.folder, 'queries.txt'), 'What is a shard?\n')
      await place.docker('tag', await publishedTag(), another)
      const up = await place.ragscale('up')
      expect(up, up.stderr).toMatchObject({ exitCode: 0 })
    })
    afterAll(async () => {
      await place.leave()
      await place.docker('rmi', another)
    })

    const imagesOf = async (): Promise<Record<string, string>> => {
      const line = '{{.Name}} {{.Config.Image}}'
      const ids = (await place.containers()).filter(({ tier }) => tier === 'gateway').map(({ id }) => id)
      const lines = (await place.docker('inspect', '--format', line, ...ids)).split('\n')
      return Object.fromEntries(lines.map((text) => text.slice(1).split(' ') as [string, string]))
    }

    test('is replaced one replica at a time, and every query is answered', async () => {
      let question = 0
      const asking = keepAsking(`${place.urls.gateway}/query`, () => ({
        query: `What is in shard ${question++}?`,
        stream: false,
      }))
      const running: number[] = []
      const ended = new AbortController()
      const counting = (async () => {
        const ofGateway = ['--filter', 'label=com.ragscale.tier=gateway']
        while (!ended.signal.aborted)
          running.push((await place.docker('ps', '--quiet', ...ofGateway)).split('\n').length)
      })()
      try {
        await expect.poll(() => asking.asked.length, { timeout: 60_000 }).toBeGreaterThan(20)
        await place.write(yaml(another))
        const up = await place.ragscale('up')
        expect(up, up.stderr).toMatchObject({ exitCode: 0 })
        const count = asking.asked.length
        await expect.poll(() => asking.asked.length, { timeout: 60_000 }).toBeGreaterThan(count + 20)
      } finally {
        ended.abort()
        await counting
        await asking.stop()
      }
      expect(asking.asked.filter(({ outcome }) => outcome !== 200)).toEqual([])
      expect(Math.min(...running)).toBe(2)
      expect(await imagesOf()).toEqual(Object.fromEntries(names.map((name) => [name, another])))
      expect(await place.json('up', '--dry-run')).toMatchObject({ steps: [] })
    })
  })
})
