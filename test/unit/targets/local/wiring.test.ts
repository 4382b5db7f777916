import { describe, expect, it } from 'vitest'
import { balancerConfigSchema } from '../../../../src/services/balancer/config.ts'
import { parseTeiConfig } from '../../../../src/services/emulators/tei/config.ts'
import { parseQdrantConfig } from '../../../../src/services/emulators/qdrant/config.ts'
import { parseVllmConfig } from '../../../../src/services/emulators/vllm/config.ts'
import { gatewayConfigSchema } from '../../../../src/services/gateway/config.ts'
import { workerConfigSchema } from '../../../../src/services/worker/config.ts'
import { Addresses } from '../../../../src/services/supervisor/addresses.ts'
import { wantedProcess } from '../../../../src/supervision.ts'
import { allTiers, stackOf } from '../stacks.ts'
import { wantedOf } from './observations.ts'

const wanted = wantedOf(stackOf(allTiers))
const of = (id: string) => wanted.find((process) => process.id === id)

describe('the processes of a stack', () => {
  it('are a balancer and the replicas of each tier; a cache is none', () => {
    expect(wanted.map(({ id }) => id)).toEqual(
      'embed embed-1 embed-2 rerank rerank-1 generate generate-1 vector vector-1 vector-2 vector-3 gateway gateway-1 gateway-2 worker worker-1'.split(
        ' ',
      ),
    )
  })

  it('are what the supervisor understands', () => {
    for (const process of wanted) expect(wantedProcess.parse(process)).toEqual(process)
  })

  it('have configurations that their services accept once addresses are filled in', async () => {
    const addresses = new Addresses('/stacks/handbook')
    const parsers: Record<string, (config: unknown) => unknown> = {
      embed: parseTeiConfig,
      rerank: parseTeiConfig,
      generate: parseVllmConfig,
      vector: parseQdrantConfig,
      gateway: (config) => gatewayConfigSchema.parse(config),
      worker: (config) => workerConfigSchema.parse(config),
    }
    for (const process of wanted) {
      const config = await addresses.resolve(process.config)
      const parse =
        process.replica === null
          ? (given: unknown) => balancerConfigSchema.parse(given)
          : parsers[process.tier]
      expect(() => parse?.(config), process.id).not.toThrow()
    }
  })

  it('draw from different seeds', () => {
    const seeds = wanted.flatMap(({ replica, config }) =>
      replica !== null && 'seed' in config ? [config['seed']] : [],
    )
    expect(new Set(seeds).size).toBe(seeds.length)
  })

  it('wait for those that they call', () => {
    expect(of('gateway-1')!.after).toEqual(['embed', 'vector', 'rerank', 'generate'])
    expect(of('worker-1')!.after).toEqual(['embed', 'vector'])
    // Members of a cluster that comes back wait for each other: one after another they would wait for ever.
    expect(of('vector-2')!.after).toEqual([])
  })

  it('join the cluster of the first node, with the balancer going round all of them', () => {
    expect(of('vector-1')!.config).toMatchObject({
      node: 1,
      bootstrap: null,
      dataFolder: '/stacks/handbook/.ragscale/local/data/vector-1',
    })
    expect(of('vector-3')!.config).toMatchObject({
      uri: { $url: 'vector-3/peer' },
      bootstrap: { $url: 'vector-1/peer' },
    })
    expect(of('vector')!.config).toMatchObject({ policy: 'round-robin' })
  })

  it('of the gateway call balancers, and cache what the cache tier says', () => {
    expect(of('gateway-2')!.config).toMatchObject({
      embed: { url: { $url: 'embed' } },
      vector: { url: { $url: 'vector' }, collection: 'docs' },
      rerank: { url: { $url: 'rerank' } },
      cache: { embeddings: 3_600_000 },
    })
  })
})
