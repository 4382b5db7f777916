/** From a stack to the processes that it is on this machine, and how they find each other. Pure. */
import { emulationOf, type EmulatedTier } from '../../catalog/catalog.ts'
import { encoderModel } from '../../catalog/models.ts'
import { nextOf } from '../../catalog/releases.ts'
import type { Split, Stack, Tier } from '../../stack/stack.ts'
import type { WantedProcess } from '../../supervision.ts'
import { countOf } from '../counts.ts'

/** Finds a service's main module: `emulators/tei` → its absolute path. */
export type Locate = (service: string) => string

type Config = WantedProcess['config']

interface Wiring {
  readonly service: string
  /** Names of ports beside its own. */
  readonly ports?: readonly string[]
  readonly after?: (replica: number, stack: Stack) => readonly string[]
  readonly ready: string
  readonly live: string
  readonly config: (replica: number, stack: Stack, place: Place) => Config
}

interface Place {
  /** Of the stack's vectors, absolute. */
  readonly dataFolder: string
}

/** Tiers that are processes here. A cache is kept inside each gateway replica, or in Redis by `REDIS_URL`. */
const wirings: Readonly<Partial<Record<Tier, Wiring>>> = {
  embed: { service: 'emulators/tei', ready: '/health', live: '/health', config: encoder('embed') },
  rerank: { service: 'emulators/tei', ready: '/health', live: '/health', config: encoder('rerank') },
  generate: {
    service: 'emulators/vllm',
    ready: '/health',
    live: '/health',
    config: (replica, { tiers, workload }) => ({
      ...emulated('generate', replica, tiers, workload.seed),
      model: tiers.generate?.model ?? null,
      ...(tiers.generate?.alsoServes === undefined ? {} : { alsoServes: [...tiers.generate.alsoServes] }),
      maxModelLength: tiers.generate?.maxModelLength ?? null,
    }),
  },
  vector: {
    service: 'emulators/qdrant',
    ports: ['peer'],
    ready: '/readyz',
    live: '/livez',
    config: (node, { tiers, workload }, { dataFolder }) => ({
      ...emulated('vector', node, tiers, workload.seed),
      node,
      peerPort: { $port: `vector-${node}/peer` },
      uri: { $url: `vector-${node}/peer` },
      // All start at once: members of a cluster that comes back wait for each other, not for the first.
      bootstrap: node === 1 ? null : { $url: 'vector-1/peer' },
      dataFolder: `${dataFolder}/vector-${node}`,
    }),
  },
  gateway: {
    service: 'gateway',
    ready: '/readyz',
    live: '/healthz',
    after: (_replica, { tiers }) => ['embed', 'vector', ...(tiers.rerank ? ['rerank'] : []), 'generate'],
    config: (replica, { tiers, workload }) => ({
      ...address('gateway', replica),
      replica,
      embed: { url: { $url: 'embed' }, protocol: 'tei' },
      vector: { url: { $url: 'vector' }, collection: tiers.vector?.collection.name ?? null },
      rerank: tiers.rerank === undefined ? null : { url: { $url: 'rerank' } },
      generate: {
        url: { $url: 'generate' },
        model: tiers.generate?.model ?? null,
        maxTokens: workload.outputTokens,
      },
      topK: workload.topK,
      ...(tiers.cache === undefined ? {} : { cache: { ...tiers.cache.cache } }),
    }),
  },
  worker: {
    service: 'worker',
    ready: '/readyz',
    live: '/healthz',
    after: () => ['embed', 'vector'],
    config: (replica, { tiers }) => ({
      ...address('worker', replica),
      replica,
      embed: { url: { $url: 'embed' }, protocol: 'tei' },
      vector: { url: { $url: 'vector' } },
      collection: { ...tiers.vector?.collection },
    }),
  },
}

/** Every process that the stack needs, in the order in which they are shown. */
export function wantedProcesses(stack: Stack, place: Place, locate: Locate): WantedProcess[] {
  return (Object.keys(wirings) as Tier[]).flatMap((tier) => {
    const count = countOf(stack, tier)
    const wiring = wirings[tier]
    if (wiring === undefined || count === 0) return []
    const replicas = Array.from({ length: count }, (_, index) =>
      replicaOf(stack, tier, wiring, index + 1, place, locate),
    )
    return [
      balancerOf(stack, tier, locate),
      ...replicas,
      ...(stack.split?.tier === tier ? nextOfTier(stack, stack.split, wiring, place, locate) : []),
    ]
  })
}

/** The replicas of a tier's second version. */
function nextOfTier(
  stack: Stack,
  { tier, version }: Split,
  wiring: Wiring,
  place: Place,
  locate: Locate,
): WantedProcess[] {
  const next: Stack = { ...stack, tiers: { ...stack.tiers, [tier]: version } }
  return Array.from({ length: version.replicas }, (_, index): WantedProcess => {
    const process = replicaOf(next, tier, wiring, index + 1, place, locate)
    const { seed } = process.config
    const id = `${nextOf(tier)}-${index + 1}`
    return {
      ...process,
      id,
      release: 'next',
      config: {
        ...process.config,
        port: { $port: id },
        ...(typeof seed === 'number' ? { seed: seed + nextSeedOffset } : {}),
      },
    }
  })
}

/** So that a replica of the second version draws otherwise than the first one's of its number. */
const nextSeedOffset = 5_000

function replicaOf(
  stack: Stack,
  tier: Tier,
  wiring: Wiring,
  replica: number,
  place: Place,
  locate: Locate,
): WantedProcess {
  return {
    id: `${tier}-${replica}`,
    tier,
    replica,
    component: stack.tiers[tier]?.component ?? tier,
    main: locate(wiring.service),
    config: wiring.config(replica, stack, place),
    ports: [...(wiring.ports ?? [])],
    after: [...(wiring.after?.(replica, stack) ?? [])],
    health: { ready: wiring.ready, live: wiring.live, ...patience },
    startTimeoutMs: 120_000,
  }
}

/** In front of every tier, one replica or many: the URL stays when the count changes. */
function balancerOf(stack: Stack, tier: Tier, locate: Locate): WantedProcess {
  // Any node of the cluster answers for all of it, and each does the same share of coordinating.
  const policy = tier === 'vector' ? 'round-robin' : stack.balancer.policy
  return {
    id: tier,
    tier,
    replica: null,
    component: 'balancer',
    main: locate('balancer'),
    config: {
      host: '127.0.0.1',
      port: { $port: tier },
      policy,
      seed: stack.workload.seed,
      ...(stack.split?.tier === tier ? { share: stack.split.share } : {}),
    },
    ports: [],
    after: [],
    health: { ready: '/__ragscale/balancer', live: '/__ragscale/balancer', ...patience },
    startTimeoutMs: 30_000,
  }
}

/** A replica that is busy under load must not be taken for a dead one. */
const patience = { intervalMs: 1_000, timeoutMs: 5_000, failures: 3 }

function address(tier: Tier, replica: number): Config {
  return { host: '127.0.0.1', port: { $port: `${tier}-${replica}` } }
}

function emulated(tier: EmulatedTier, replica: number, tiers: Stack['tiers'], seed: number): Config {
  return {
    ...address(tier, replica),
    component: tiers[tier]?.component ?? tier,
    emulation: emulationOf(tiers, tier),
    // No two replicas of a stack draw the same.
    seed: seed * 100_000 + seedOffset[tier] + replica,
  }
}

const seedOffset: Readonly<Record<EmulatedTier, number>> = {
  embed: 0,
  rerank: 10_000,
  vector: 20_000,
  generate: 30_000,
}

function encoder(tier: 'embed' | 'rerank'): Wiring['config'] {
  return (replica, { tiers, workload }) => {
    const model = tiers[tier]?.model ?? ''
    const known = encoderModel(model)
    const dimensions =
      tier === 'embed' ? (tiers.vector?.collection.dimensions ?? known?.dimensions ?? null) : null
    return {
      ...emulated(tier, replica, tiers, workload.seed),
      model,
      modelType: tier === 'embed' ? 'embedding' : 'reranker',
      ...(dimensions === null ? {} : { dimensions }),
      ...(known === undefined ? {} : { maxInputTokens: known.maxTokens }),
    }
  }
}
