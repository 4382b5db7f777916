/** Redis as a container: for the gateway's caches, which may be lost, and for the workers' queue, which may not. */
import type { Container, Deployment, Mount } from '../container.ts'
import { gibibyte, mebibyte, type Reservation, resources, showBytes } from '../resources.ts'
import { secretNames, secretPath } from '../secrets.ts'
import { cacheBytes } from './size.ts'

/** Newest of 8.6 in June 2026 (release notes of redis/redis); Debian, as its health check and start want a shell. */
const image = 'redis:8.6.4'

interface Use {
  readonly maxMemoryBytes: number
  readonly args: readonly string[]
  readonly mounts: readonly Mount[]
  readonly reservation: Reservation
}

export function redisContainer({ stack, tier }: Deployment): Container {
  const { image: ownImage, resources: override } =
    (tier === 'queue' ? stack.support.queue : stack.tiers.cache) ?? {}
  const use = tier === 'queue' ? queue() : cache(stack)
  return {
    image:
      ownImage === undefined
        ? { reference: image, because: 'streams and expiry, nothing of it newer than Redis 6.2' }
        : { reference: ownImage, because: 'as ragscale.yaml says' },
    // The password through stdin: on the command line every process of the container could read it.
    command: ['/bin/sh', '-c', startByStdin],
    args: ['redis-server', '--maxmemory', String(use.maxMemoryBytes), ...use.args, '-'],
    env: {},
    secrets: [{ name: secretNames.redisPassword, valueEnv: 'REDIS_PASSWORD' }],
    ports: { redis: 6379 },
    mounts: use.mounts,
    files: [],
    health: {
      http: null,
      command: ['/bin/sh', '-c', askRedis],
      livePath: null,
      startupSeconds: 60,
      intervalSeconds: 5,
      timeoutSeconds: 3,
      failures: 3,
    },
    resources: resources(use.reservation, override),
    gpus: 0,
    sharedMemoryBytes: null,
    stop: { graceSeconds: 30, preStopSeconds: 0 },
    root: false,
    // `redis` in the image, which starts as root only to become it.
    user: '999:999',
    readOnly: true,
  }
}

/** `$0` and `$@` are the arguments, of which the last has Redis read more configuration from stdin. */
const startByStdin = String.raw`exec "$0" "$@" <<CONFIG
requirepass "$(printf %s "$REDIS_PASSWORD" | sed 's/["\\]/\\&/g')"
CONFIG`

/**
 * `redis-cli` exits 0 also when Redis answers LOADING: so the answer is read. A health check does not inherit what the
 * server's own shell exported: where the password came as a file it is read from there.
 */
const askRedis = `[ "$(REDISCLI_AUTH="\${REDIS_PASSWORD:-$(cat ${secretPath(secretNames.redisPassword)})}" redis-cli ping)" = PONG ]`

function cache(stack: Deployment['stack']): Use {
  const cached = Math.max(64 * mebibyte, cacheBytes(stack))
  const entries = stack.tiers.cache?.cache?.entries ?? 0
  return {
    maxMemoryBytes: cached,
    // Least recently used goes first, whatever its time to live: a full cache never refuses. Nothing is written to
    // disk, since a cache that is lost is only cold.
    args: ['--maxmemory-policy', 'allkeys-lru', '--save', '', '--appendonly', 'no'],
    mounts: [{ name: 'cache-data', path: '/data', kind: 'memory', sizeBytes: null }],
    reservation: {
      cpus: 0.5,
      // Redis counts what it stores; buffers of clients and fragmentation come on top.
      memoryBytes: Math.ceil(cached * 1.3 + 32 * mebibyte),
      memoryLimitBytes: Math.ceil(cached * 1.6 + 128 * mebibyte),
      because: `${showBytes(cached)} for ${entries} entries of each cache, and a third for fragmentation and buffers`,
    },
  }
}

function queue(): Use {
  const held = 512 * mebibyte
  return {
    maxMemoryBytes: held,
    // Full, it refuses new documents rather than forget old ones. Written at once: a document that was taken stays.
    args: [
      '--maxmemory-policy',
      'noeviction',
      '--save',
      '',
      '--appendonly',
      'yes',
      '--appendfsync',
      'always',
    ],
    mounts: [{ name: 'queue-data', path: '/data', kind: 'own', sizeBytes: 2 * gibibyte }],
    reservation: {
      cpus: 0.5,
      memoryBytes: 256 * mebibyte,
      // While it writes its file anew it holds changed pages twice.
      memoryLimitBytes: 2 * held,
      because: 'room for 512 MiB of waiting documents, and as much again while its file is written anew',
    },
  }
}
