import fc from 'fast-check'
import { describe, expect, test, vi } from 'vitest'
import { balancedTiersOf } from '../../../src/catalog/balancing.ts'
import type { Container } from '../../../src/catalog/container.ts'
import { secretNameOf, secretNames } from '../../../src/catalog/secrets.ts'
import {
  type RenderTarget,
  type Topology,
  type Workload,
  renderTargets,
} from '../../../src/render/topology.ts'
import { topologyOf } from '../../../src/render/workloads.ts'
import { expandVariables } from '../../../src/services/config-file.ts'
import { collectionConfigSchema } from '../../../src/services/collection/config.ts'
import { parseQdrantConfig } from '../../../src/services/emulators/qdrant/config.ts'
import { parseTeiConfig } from '../../../src/services/emulators/tei/config.ts'
import { parseVllmConfig } from '../../../src/services/emulators/vllm/config.ts'
import { gatewayConfigSchema } from '../../../src/services/gateway/config.ts'
import { workerConfigSchema } from '../../../src/services/worker/config.ts'
import { readStack } from '../../../src/stack/load.ts'
import { type Preset, presetNames, presetText } from '../../../src/stack/presets.ts'
import type { Stack } from '../../../src/stack/stack.ts'
import { arbitraryStack, stackOf } from './arbitrary-stack.ts'

const containerTargets = ['compose', 'swarm', 'kubernetes'] as const
const anyTarget = fc.constantFrom(...renderTargets)
const anyContainerTarget = fc.constantFrom<RenderTarget>(...containerTargets)

/** Each draws stacks of its own, so that all of them together see some hundreds. */
const runs = { numRuns: 25 }
// Reading, checking and wiring up a stack takes some 20 ms: a busy machine needs more than the usual 5 s.
vi.setConfig({ testTimeout: 60_000 })

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

function workload({ workloads }: Topology, name: string): Workload {
  const found = workloads.find((one) => one.name === name)
  if (found === undefined) throw new Error(`there is no ${name}`)
  return found
}

describe('the topology of any stack', () => {
  test('names every workload once, by a DNS label', () => {
    fc.assert(
      fc.property(arbitraryStack(), anyTarget, (stack, target) => {
        const names = topologyOf(stack, target).workloads.map(({ name }) => name)
        expect(new Set(names).size).toBe(names.length)
        for (const name of names) expect(name).toMatch(/^[a-z]([a-z0-9-]{0,61}[a-z0-9])?$/)
      }),
      runs,
    )
  })

  test('has everything before what waits for it, and so no circle', () => {
    fc.assert(
      fc.property(arbitraryStack(), anyContainerTarget, (stack, target) => {
        const before = new Set<string>()
        for (const { name, after } of topologyOf(stack, target).workloads) {
          for (const { name: awaited } of after)
            expect(before, `${name} waits for ${awaited}`).toContain(awaited)
          before.add(name)
        }
      }),
      runs,
    )
  })

  test('waits until jobs end and until servers are healthy, which they can say', () => {
    fc.assert(
      fc.property(arbitraryStack(), anyContainerTarget, (stack, target) => {
        const whole = topologyOf(stack, target)
        for (const { after } of whole.workloads) {
          for (const { name, until } of after) {
            const { kind, container } = workload(whole, name)
            expect(until).toBe(kind === 'job' ? 'completed' : 'healthy')
            if (kind !== 'job') expect(container.health).not.toBeNull()
          }
        }
      }),
      runs,
    )
  })

  test('asks for no secret that is not known, and never for one twice', () => {
    fc.assert(
      fc.property(arbitraryStack(), anyTarget, (stack, target) => {
        const { embed, generate } = stack.tiers
        const known = new Set<string>([
          ...Object.values(secretNames),
          ...[embed, generate].flatMap((tier) =>
            tier?.provider ? [secretNameOf(tier.provider.apiKeyEnv)] : [],
          ),
        ])
        for (const { container } of topologyOf(stack, target).workloads) {
          const names = container.secrets.map(({ name }) => name)
          expect(new Set(names).size).toBe(names.length)
          for (const name of names) expect(known).toContain(name)
        }
      }),
      runs,
    )
  })

  test('says a command wherever a secret has to be exported before it', () => {
    fc.assert(
      fc.property(arbitraryStack(), anyTarget, (stack, target) => {
        for (const { container } of topologyOf(stack, target).workloads) {
          if (container.secrets.some(({ valueEnv }) => valueEnv !== undefined)) {
            expect(container.command).toBeDefined()
          }
        }
      }),
      runs,
    )
  })

  test('has a server behind each port of the balancer, at the port that the balancer calls', () => {
    fc.assert(
      fc.property(arbitraryStack(), anyContainerTarget, (stack, target) => {
        const whole = topologyOf(stack, target)
        const balancer = workload(whole, 'balancer').container
        for (const tier of balancedTiersOf(stack)) {
          const { container, count } = workload(whole, tier)
          expect(count).toBeGreaterThan(0)
          expect(Object.keys(balancer.ports)).toContain(tier)
          const text = balancer.files.map((file) => file.text).join('\n')
          expect(text).toContain(String(container.ports['http']))
        }
      }),
      runs,
    )
  })

  test('takes as many GPUs as the stack says, and none in a rehearsal', () => {
    fc.assert(
      fc.property(arbitraryStack(), anyContainerTarget, (stack, target) => {
        const taken = topologyOf(stack, target).workloads.reduce(
          (sum, { kind, count, container }) => sum + (kind === 'job' ? 0 : count * container.gpus),
          0,
        )
        expect(taken).toBe(stack.rehearse ? 0 : gpusOf(stack))
      }),
      runs,
    )
  })

  test('gives every container an image with a tag, a reason for it, and resources within their limits', () => {
    fc.assert(
      fc.property(arbitraryStack(), anyTarget, (stack, target) => {
        for (const { name, because, container } of topologyOf(stack, target).workloads) {
          expect(container.image.reference, name).toMatch(/^[^\s:]+(:\d+\/[^\s:]+)?:[\w.-]+$/)
          expect(container.image.because).not.toBe('')
          expect(because).not.toBe('')
          const { request, limit } = container.resources
          expect(container.resources.because, name).not.toBe('')
          expect(request.cpus).toBeGreaterThan(0)
          expect(limit.memoryBytes, name).toBeGreaterThanOrEqual(request.memoryBytes)
          expect(Number.isInteger(request.memoryBytes) && Number.isInteger(limit.memoryBytes), name).toBe(
            true,
          )
          if (limit.cpus !== null) expect(limit.cpus).toBeGreaterThanOrEqual(request.cpus)
        }
      }),
      runs,
    )
  })

  test('runs nothing as root but what its image is made for, and says who else it is', () => {
    fc.assert(
      fc.property(arbitraryStack(), anyContainerTarget, (stack, target) => {
        for (const { name, container } of topologyOf(stack, target).workloads) {
          if (container.root) expect(container.user, name).toBeUndefined()
          else expect(container.user, name).toMatch(/^[1-9]\d*:\d+$/)
        }
      }),
      runs,
    )
  })

  test('mounts each path once, and every file at an absolute path', () => {
    fc.assert(
      fc.property(arbitraryStack(), anyContainerTarget, (stack, target) => {
        for (const { container } of topologyOf(stack, target).workloads) {
          const paths = [...container.mounts, ...container.files].map(({ path }) => path)
          expect(new Set(paths).size).toBe(paths.length)
          for (const path of paths) expect(path).toMatch(/^\//)
        }
      }),
      runs,
    )
  })

  test('tells our own services what they accept', () => {
    fc.assert(
      fc.property(arbitraryStack(), anyTarget, (stack, target) => {
        for (const { container } of topologyOf(stack, target).workloads) {
          if (container.image.build === 'ragscale' || runsOurs(container)) acceptedByItsService(container)
        }
      }),
      runs,
    )
  })

  test('is the same each time', () => {
    fc.assert(
      fc.property(arbitraryStack(), anyTarget, (stack, target) => {
        expect(topologyOf(stack, target)).toEqual(topologyOf(stack, target))
      }),
      { numRuns: 10 },
    )
  })
})

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

function gpusOf({ tiers }: Stack): number {
  return [tiers.embed, tiers.rerank, tiers.generate].reduce((sum, tier) => {
    if (tier?.gpu === undefined || tier.gpu.toLowerCase() === 'cpu') return sum
    return sum + tier.replicas * (tier.tensorParallel ?? 1)
  }, 0)
}

/** An image of the user's own may be in the place of ours: the service is the same. */
function runsOurs({ args, files }: Container): boolean {
  return args?.length === 1 && files.some(({ path }) => path === '/etc/ragscale/config.json')
}

function configOf({ files }: Container): unknown {
  const file = files.find(({ path }) => path === '/etc/ragscale/config.json')
  if (file === undefined) throw new Error('it has no configuration of ours')
  return JSON.parse(file.text)
}

const environment = new Proxy<Record<string, string>>(
  {},
  { get: (_, name) => (String(name).endsWith('_URL') ? 'http://somewhere.example:8081' : 'a-host') },
)

function acceptedByItsService(container: Container): void {
  const [service] = container.args ?? []
  const text = JSON.stringify(configOf(container))
    // As the chart would have evaluated it.
    .replaceAll(/\{\{ include `ragscale\.url` [^}]*\}\}/g, 'http://somewhere.example:8081')
    .replaceAll(/\{\{[^}]*\}\}/g, 'release')
  const config = expandVariables(JSON.parse(text), environment)
  const parsers: Record<string, (given: unknown) => unknown> = {
    gateway: (given) => gatewayConfigSchema.parse(given),
    worker: (given) => workerConfigSchema.parse(given),
    collection: (given) => collectionConfigSchema.parse(given),
    'emulators/tei': parseTeiConfig,
    'emulators/vllm': parseVllmConfig,
    'emulators/qdrant': parseQdrantConfig,
  }
  const parse = parsers[service ?? '']
  if (parse === undefined) throw new Error(`there is no service ${service}`)
  parse(config)
}
