/** Compose stacks as they might be found, for tests of the plan: containers made of what is wanted. */
import type { FoundContainer } from '../../../../src/targets/docker/containers.ts'
import type { ComposeObserved } from '../../../../src/targets/compose/steps.ts'
import type { WantedService } from '../../../../src/targets/compose/wanted.ts'

export function service(name: string, more: Partial<WantedService> = {}): WantedService {
  return {
    name,
    workload: name.replace(/-\d+$/, ''),
    tier: name.replace(/-\d+$/, ''),
    component: 'software',
    number: null,
    replicas: 1,
    job: false,
    image: `${name}:1`,
    build: null,
    after: [],
    hash: `hash of ${name}`,
    stopSeconds: 10,
    ...more,
  }
}

/** A container that is as its service asks for, and serves; of a job: has run. */
export function container(
  wanted: WantedService,
  number = 1,
  more: Partial<FoundContainer> = {},
): FoundContainer {
  const { name, workload, tier, image, hash, job } = wanted
  return {
    id: `${name}/${number}`,
    name: `handbook-${name}-${number}`,
    labels: {
      'com.docker.compose.project': 'handbook',
      'com.docker.compose.service': name,
      'com.docker.compose.container-number': String(number),
      'com.docker.compose.config-hash': hash,
      'com.ragscale.stack': 'handbook',
      'com.ragscale.tier': tier,
      'com.ragscale.workload': workload,
      ...(wanted.number === null ? {} : { 'com.ragscale.replica': String(wanted.number) }),
    },
    image,
    imageId: `sha256:${image}`,
    status: job ? 'exited' : 'running',
    health: job ? null : 'healthy',
    healthSays: null,
    checkLate: false,
    exitCode: 0,
    oomKilled: false,
    error: '',
    pid: job ? null : 1,
    startedAt: 1,
    finishedAt: null,
    restarts: 0,
    mostRestarts: job ? 5 : null,
    memoryLimitBytes: null,
    ports: {},
    addresses: {},
    mounts: [],
    ...more,
  }
}

/** Everything that is wanted, as it should be. */
export function asWanted(wanted: readonly WantedService[]): FoundContainer[] {
  return wanted.flatMap((one) =>
    Array.from({ length: one.replicas }, (_, index) => container(one, index + 1)),
  )
}

export function observed(
  wanted: readonly WantedService[],
  containers: readonly FoundContainer[],
  more: Partial<ComposeObserved> = {},
): ComposeObserved {
  const place = { host: 'unix:///var/run/docker.sock', from: 'the usual socket', tls: null }
  return {
    engine: { version: '29.1.0', api: '1.52', host: '127.0.0.1', place },
    tool: { kind: 'command', command: ['docker', 'compose'], version: '5.5.1' },
    wanted,
    containers,
    images: Object.fromEntries(wanted.map(({ image }) => [image, `sha256:${image}`])),
    comparison: {
      folder: '/rag/deploy',
      rendering: 'compose',
      rendered: new Map(),
      manifest: { targets: {} },
      changes: [],
    },
    departs: false,
    applied: { files: new Map(), balancer: null },
    state: new Map(),
    balancer: null,
    secrets: [],
    vector: { peers: {}, copies: [], arrivals: [], shards: {} },
    replication: { docs: 1 },
    networks: ['handbook_stack'],
    volumes: [],
    elsewhere: null,
    unchecked: [],
    dormant: [],
    running: containers.some(({ status }) => status === 'running'),
    replicas: [],
    notes: [],
    kept: [],
    ...more,
  }
}
