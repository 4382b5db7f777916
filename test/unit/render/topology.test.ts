import { describe, expect, test } from 'vitest'
import { type RenderTarget, type Topology, renderTargets } from '../../../src/render/topology.ts'
import { topologyOf } from '../../../src/render/workloads.ts'
import { readStack } from '../../../src/stack/load.ts'
import { type Preset, presetNames, presetText } from '../../../src/stack/presets.ts'
import { stackOf } from './arbitrary-stack.ts'
import { configOf, workload } from './asked-of-topology.ts'

const small = {
  name: 'rag',
  target: 'compose',
  tiers: {
    gateway: { replicas: 2 },
    embed: { model: 'BAAI/bge-base-en-v1.5', gpu: 'cpu', replicas: 2 },
    vector: { nodes: 3, collection: { shards: 6, replication: 2 } },
    generate: { component: 'vllm', model: 'meta-llama/Llama-3.1-8B-Instruct', gpu: 'H100', replicas: 2 },
    cache: { component: 'redis', embeddings: { ttl: '1h' } },
    worker: { replicas: 2 },
    queue: {},
    metadata: { replicas: 3 },
    ui: {},
  },
} as const

const topology = (over: object = {}, target: RenderTarget = 'compose'): Topology =>
  topologyOf(stackOf({ ...small, ...over }), target)

describe('the order in which a stack starts', () => {
  test('models are fetched before the replicas that load them', () => {
    expect(workload(topology(), 'generate').after).toEqual([{ name: 'models-generate', until: 'completed' }])
    expect(workload(topology(), 'embed').after).toEqual([{ name: 'models-embed', until: 'completed' }])
  })

  test('the collection is made when the cluster is healthy, and gateway and workers wait for it', () => {
    const whole = topology()
    expect(workload(whole, 'collection').after).toEqual([{ name: 'vector', until: 'healthy' }])
    for (const name of ['gateway', 'worker']) {
      expect(workload(whole, name).after).toEqual([{ name: 'collection', until: 'completed' }])
    }
  })

  test('the balancer and the vector nodes wait for nobody', () => {
    expect(workload(topology(), 'balancer').after).toEqual([])
    expect(workload(topology(), 'vector').after).toEqual([])
  })

  test('read replicas follow their primary', () => {
    const replicas = workload(topology(), 'metadata-replica')
    expect(replicas).toMatchObject({
      kind: 'nodes',
      count: 2,
      after: [{ name: 'metadata', until: 'healthy' }],
    })
    expect(workload(topology(), 'metadata').count).toBe(1)
  })
})

describe('what a topology leaves out', () => {
  const names = ({ workloads }: Topology) => workloads.map(({ name }) => name)

  test('a cache that each gateway keeps for itself is no workload', () => {
    const inProcess = topology({ tiers: { ...small.tiers, cache: { component: 'memory' } } })
    expect(names(inProcess)).not.toContain('cache')
    expect(workload(inProcess, 'gateway').container.env).not.toHaveProperty('REDIS_URL')
  })

  test('a tier that a provider answers for has no workload, and is called at the provider', () => {
    const provided = topology({
      tiers: {
        ...small.tiers,
        generate: {
          component: 'openai',
          model: 'a-chat-model',
          url: 'https://models.example',
          apiKeyEnv: 'MODELS_API_KEY',
        },
      },
    })
    expect(names(provided)).not.toContain('generate')
    const gateway = workload(provided, 'gateway').container
    expect(configOf(gateway)).toMatchObject({
      generate: { url: 'https://models.example', apiKeyEnv: 'MODELS_API_KEY', model: 'a-chat-model' },
    })
    expect(gateway.secrets).toContainEqual({ name: 'models-api-key', fileEnv: 'MODELS_API_KEY_FILE' })
  })

  test('a stack of target local is rendered as it would run for real: its provider is called', () => {
    const local = topology({
      target: 'local',
      tiers: {
        gateway: {},
        embed: { model: 'BAAI/bge-base-en-v1.5', gpu: 'cpu' },
        vector: {},
        generate: {
          component: 'openai',
          model: 'a-chat-model',
          url: 'https://models.example',
          apiKeyEnv: 'MODELS_API_KEY',
          emulate: { model: 'fifo', law: 'exponential', mean: '1s', servers: 8 },
        },
      },
    })
    expect(names(local)).not.toContain('generate')
    expect(configOf(workload(local, 'gateway').container)).toMatchObject({
      generate: { url: 'https://models.example' },
    })
  })

  test('on plain hosts only our own services run', () => {
    expect(names(topology({}, 'systemd'))).toEqual(['gateway', 'worker'])
  })

  test('a cluster has what watches it: only Compose and Swarm bring it along, behind profiles', () => {
    expect(workload(topology({}, 'swarm'), 'prometheus').profile).toBe('observability')
    expect(workload(topology({}, 'compose'), 'jaeger').profile).toBe('tracing')
    expect(names(topology({}, 'kubernetes'))).not.toContain('prometheus')
  })

  test('GPUs are watched only where there are some', () => {
    expect(names(topology())).toContain('dcgm')
    expect(names(topology({ rehearse: true }))).not.toContain('dcgm')
  })
})

describe('a rehearsal', () => {
  const rehearsed = topology({ rehearse: true })

  test('runs our emulators in place of the real software, with its health and on its ports', () => {
    const real = topology()
    for (const name of ['embed', 'vector', 'generate']) {
      const { container, count } = workload(rehearsed, name)
      expect(container.image.build).toBe('ragscale')
      const port = workload(real, name).container.ports['http']!
      // Emulators are not root, to which ports below 1024 belong.
      expect(container.ports['http']).toBe(port < 1024 ? 8080 : port)
      expect(container.health?.http?.path).toBe(workload(real, name).container.health?.http?.path)
      expect(count).toBe(workload(real, name).count)
    }
  })

  test('fetches no models, and still makes the collection', () => {
    const names = rehearsed.workloads.map(({ name }) => name)
    expect(names.filter((name) => name.startsWith('models-'))).toEqual([])
    expect(names).toContain('collection')
  })

  test('every node is told the same, and finds its own name in its environment', () => {
    expect(configOf(workload(rehearsed, 'vector').container)).toMatchObject({
      uri: 'http://${HOSTNAME}:6335',
      bootstrap: 'http://vector-1:6335',
    })
  })

  test('no two replicas draw the same', () => {
    expect(configOf(workload(rehearsed, 'embed').container)).toMatchObject({ seed: '1 ${HOSTNAME}' })
  })
})

describe('why there are so many', () => {
  test('nodes say their majority, their shards and what these leave room for', () => {
    expect(workload(topology(), 'vector').because).toBe(
      'nodes: 3, which keep a majority with 1 lost; shards: 6 in 2 copies, 4 a node, so that nodes 4 to 6 can each take some',
    )
  })

  test('one node says that it may not be lost', () => {
    const one = topology({ tiers: { ...small.tiers, vector: { nodes: 1 } } })
    expect(workload(one, 'vector').because).toBe(
      'nodes: 1, of which none may be lost; shards: 1, 1 a node, enough to about 10 million points',
    )
  })

  test('replicas say their GPUs', () => {
    expect(workload(topology(), 'generate').because).toContain('2 H100 in all')
  })
})

describe('presets', () => {
  test.each(presetNames)('%s has a topology on every target', async (name: Preset) => {
    const { stack } = readStack(await presetText(name), '/rag/ragscale.yaml')
    if (stack === null) throw new Error(`${name} is not valid`)
    for (const target of renderTargets) {
      expect(topologyOf(stack, target).workloads.map(({ name: workloadName }) => workloadName)).toContain(
        'gateway',
      )
    }
  })
})
