/** Qdrant as a container: every node of the cluster runs the same one. */
import { counted } from '../../stack/counted.ts'
import type { Container, Deployment } from '../container.ts'
import { gibibyte, mebibyte, resources, showBytes } from '../resources.ts'
import { secretNames } from '../secrets.ts'
import { memoryPerNodeBytes } from './memory.ts'

/** Metrics without a key, beside the API (`service.metrics_port`, src/settings.rs of qdrant 1.19). */
export const metricsPort = 6336

/**
 * The image ends its tag in `-unprivileged` where it runs as user 1000 (its docker-image.yml workflow).
 * Newest release of qdrant/qdrant in August 2026.
 */
const image = 'qdrant/qdrant:v1.19.0-unprivileged'

export function qdrantContainer({ stack, addresses }: Deployment): Container {
  const { vector } = stack.tiers
  if (vector === undefined) throw new Error('there is no tier vector to make a Qdrant for')
  const { collection, cpus, nodes } = vector
  const needed = memoryPerNodeBytes(collection, nodes, collection.replication)
  const diskBytes = Math.ceil(needed * 3 + gibibyte)
  return {
    image:
      vector.image === undefined
        ? { reference: image, because: '1.19, the variant that does not run as root' }
        : { reference: vector.image, because: 'as ragscale.yaml says' },
    // One block for all nodes: since 1.13.3 a bootstrap that is one's own URI means "the first node". Not by the
    // image's entrypoint.sh: as process 1 it ends at SIGTERM at once, and takes the Qdrant that it passed it to along.
    // Segments and connections are files, of which newer engines allow 1,024 until a process asks for what it may have.
    command: ['bash', '-c', `ulimit -Sn hard; exec ./qdrant --uri "${addresses.peer('own', 6335)}"`],
    env: {
      // Also with one node, so that a second can join later.
      QDRANT__CLUSTER__ENABLED: 'true',
      QDRANT_BOOTSTRAP: addresses.peer(1, 6335),
      QDRANT__SERVICE__METRICS_PORT: String(metricsPort),
      // A search thread a core, as the stack's timing has it. Qdrant's default is four, for disks that keep threads waiting.
      QDRANT__STORAGE__PERFORMANCE__MAX_SEARCH_THREADS: String(Math.max(1, Math.round(cpus))),
      QDRANT__STORAGE__STORAGE_PATH: '/qdrant/storage',
      QDRANT__STORAGE__SNAPSHOTS_PATH: '/qdrant/snapshots',
      QDRANT_INIT_FILE_PATH: '/tmp/.qdrant-initialized',
      QDRANT__TELEMETRY_DISABLED: 'true',
    },
    secrets: [{ name: secretNames.vectorKey, valueEnv: 'QDRANT__SERVICE__API_KEY' }],
    ports: { http: 6333, grpc: 6334, peers: 6335, metrics: metricsPort },
    mounts: [
      // Points, their index, the write-ahead log, and room for the segments that an optimizer writes anew.
      { name: 'vector-data', path: '/qdrant/storage', kind: 'own', sizeBytes: diskBytes },
      { name: 'vector-snapshots', path: '/qdrant/snapshots', kind: 'own', sizeBytes: diskBytes },
    ],
    files: [],
    health: {
      http: { path: '/readyz', port: 6333 },
      command: ['bash', '-c', askByBash],
      livePath: '/livez',
      // Loading segments and replaying the write-ahead log: about 100 MB/s from a slow disk, never under 5 minutes.
      startupSeconds: Math.max(300, Math.ceil(needed / 1e8)),
      intervalSeconds: 5,
      timeoutSeconds: 5,
      failures: 6,
    },
    resources: resources(
      {
        cpus,
        // Also at most: what was measured of a node then holds for every node.
        cpuLimit: cpus,
        memoryBytes: Math.max(512 * mebibyte, needed),
        memoryLimitBytes: Math.max(gibibyte, Math.ceil(needed * 1.5)),
        because: memoryReason(stack, needed),
      },
      vector.resources,
    ),
    gpus: 0,
    sharedMemoryBytes: null,
    // Flushing what is in memory; searches end within seconds.
    stop: { graceSeconds: 60, preStopSeconds: 15 },
    root: false,
    user: '1000:1000',
    readOnly: true,
  }
}

/** The image has no curl: its bash asks over /dev/tcp. */
const askByBash = [
  'exec 3<>/dev/tcp/127.0.0.1/6333',
  String.raw`printf 'GET /readyz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n' >&3`,
  'read -r status <&3',
  '[[ $status == *" 200 "* ]]',
].join(' && ')

function memoryReason(stack: Deployment['stack'], needed: number): string {
  const { nodes, cpus, collection } = stack.tiers.vector!
  const { points, dimensions, replication, quantization, shards } = collection
  const parts = [
    `${points} points × (${dimensions} × 4 B`,
    ...(quantization === 'none' ? [] : [`their ${quantization} copy`]),
    'graph',
    'ids) + 20 %',
  ]
    .join(' + ')
    .replace(' + ids) + 20 %', ' + ids) + 20 %')
  const most = Math.ceil((shards * replication) / nodes)
  return (
    `${showBytes(needed)}: ${parts}, of which a node holds ${most} of ${counted(shards, 'shard')} (× ${counted(replication, 'copy', 'copies')} ÷ ${counted(nodes, 'node')}); ` +
    `the limit is half as much again, as an optimizer holds a segment twice while it rebuilds it; ${counted(cpus, 'search thread')}, a core each`
  )
}
