/** Swarms as they might be found, for tests of what is planned from them. */
import type { Stack } from '../../../../src/stack/stack.ts'
import { topologyOf } from '../../../../src/render/workloads.ts'
import type { FoundService, FoundSwarm, FoundTask } from '../../../../src/targets/swarm/found.ts'
import {
  type Model,
  type WantedService,
  configurationLabel,
  modelOf,
} from '../../../../src/targets/swarm/model.ts'
import { placesOf } from '../../../../src/targets/swarm/places.ts'
import type { Leftovers, SwarmObserved, Wanted } from '../../../../src/targets/swarm/steps.ts'
import { replicasIn } from '../../../../src/targets/swarm/tasks.ts'
import { stackOf } from '../stacks.ts'

export const places = placesOf('/stacks/handbook')
export const t0 = 1_790_000_000_000

/** What `docker stack config` would print of three services. */
export function configText({
  embed = 2,
  image = 'ragscale:1',
  config = 'aaaa',
}: { embed?: number; image?: string; config?: string } = {}): string {
  const labels = (tier: string, number?: string) => ({
    'com.ragscale.stack': 'handbook',
    'com.ragscale.tier': tier,
    'com.ragscale.workload': tier,
    ...(number === undefined ? {} : { 'com.ragscale.replica': number }),
  })
  return JSON.stringify({
    version: '3.13',
    'x-service': {},
    services: {
      embed: {
        image,
        labels: labels('embed'),
        deploy: { mode: 'replicated', replicas: embed, labels: labels('embed') },
        configs: [{ source: 'embed-config.json', target: '/etc/ragscale/config.json' }],
        command: ['price: $5'],
      },
      'vector-1': {
        image: 'qdrant:1',
        labels: labels('vector', '1'),
        deploy: {
          replicas: 1,
          labels: labels('vector', '1'),
          placement: { constraints: ['node.labels.ragscale.vector-1 == true'] },
        },
        secrets: [{ source: 'qdrant-api-key' }],
      },
      collection: {
        image: 'ragscale:1',
        labels: { ...labels('vector'), 'com.ragscale.workload': 'collection' },
        deploy: { mode: 'replicated-job', replicas: 1 },
      },
    },
    configs: {
      'embed-config.json': {
        name: `handbook_embed-config.json-${config.repeat(4)}`,
        file: '/tmp/x/embed/config.json',
      },
    },
    secrets: {
      'qdrant-api-key': { name: 'handbook_qdrant-api-key_1', file: '/tmp/x/secrets/qdrant-api-key' },
    },
  })
}

export const stack: Stack = stackOf(
  `
  embed:    { model: BAAI/bge-small-en-v1.5, replicas: 2 }
  vector:   { nodes: 1, collection: { name: docs } }`,
  'target: swarm',
)

export function model(of: Parameters<typeof configText>[0] = {}): Model {
  return modelOf(configText(of), topologyOf(stack, 'swarm'), (file) => file.replace('/tmp/x', places.swarm))
}

export function found(service: WantedService, over: Partial<FoundService> = {}): FoundService {
  return {
    id: `id-${service.name}`,
    version: 1,
    name: service.name,
    labels: {
      'com.ragscale.stack': 'handbook',
      'com.ragscale.tier': service.tier,
      'com.ragscale.workload': service.workload,
      ...(service.number === null ? {} : { 'com.ragscale.replica': service.number }),
      [configurationLabel]: service.fingerprint,
    },
    mode: service.mode,
    replicas: service.replicas,
    image: service.image,
    configs: service.configs,
    secrets: service.secrets,
    volumes: [],
    reserved: { cpus: 0, memoryBytes: 0 },
    ports: {},
    update: null,
    iteration: 0,
    ...over,
  }
}

export function task(service: FoundService, slot: number, over: Partial<FoundTask> = {}): FoundTask {
  const job = service.mode.endsWith('job')
  return {
    id: `task-${service.name}-${slot}`,
    service: service.id,
    slot: job ? null : slot,
    node: 'node-1',
    state: job ? 'complete' : 'running',
    desired: job ? 'complete' : 'running',
    error: '',
    exitCode: 0,
    container: `container-${service.name}-${slot}`,
    createdAt: t0,
    since: t0 + 5_000,
    image: service.image,
    configs: service.configs,
    iteration: service.iteration,
    ...over,
  }
}

/** Everything as the model says, unless a service is given otherwise. */
export function running(of: Model, over: Readonly<Record<string, Partial<FoundService>>> = {}): FoundSwarm {
  const services = of.services.map((service) => found(service, over[service.name]))
  return {
    node: 'node-1',
    nodes: [node('node-1', { 'ragscale.vector-1': 'true' })],
    services,
    tasks: services.flatMap((service) =>
      Array.from({ length: service.replicas }, (_, index) => task(service, index + 1)),
    ),
  }
}

export function node(id: string, labels: Readonly<Record<string, string>> = {}): FoundSwarm['nodes'][number] {
  return {
    id,
    name: id,
    address: '10.0.0.1',
    version: 1,
    labels,
    ready: true,
    away: null,
    cpus: 2,
    memoryBytes: 4 * 2 ** 30,
  }
}

export function observed(
  swarm: FoundSwarm,
  of: Model,
  more: {
    readonly wanted?: Partial<Wanted>
    readonly leftovers?: Partial<Leftovers>
    readonly shards?: SwarmObserved['shards']
    readonly balancers?: SwarmObserved['balancers']
  } = {},
): SwarmObserved {
  return {
    stack: 'handbook',
    running: swarm.services.length > 0,
    replicas: replicasIn(swarm, of.services),
    notes: [],
    kept: [],
    swarm,
    wanted: {
      model: of,
      comparison: {
        folder: places.deploy,
        rendering: 'swarm',
        rendered: new Map([['swarm/embed/config.json', '{}\n']]),
        manifest: { targets: {} },
        changes: [],
      },
      missing: [],
      unbuilt: [],
      balancing: null,
      ...more.wanted,
    },
    leftovers: {
      networks: [],
      configs: [],
      secrets: [],
      volumes: [],
      containers: 0,
      state: false,
      ...more.leftovers,
    },
    balancers: more.balancers ?? [],
    addresses: new Map(),
    shards: more.shards ?? null,
  }
}

export const nothing: FoundSwarm = { node: 'node-1', nodes: [node('node-1')], services: [], tasks: [] }
