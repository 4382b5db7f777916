/**
 * What pods use, as their kubelets say through the API server; where the user may not ask those, as metrics-server says.
 * Kubelets look every ten seconds or so, and every question is a process of kubectl: samples come as seldom as that.
 */
import { signalsOf } from '../../catalog/catalog.ts'
import type { ReplicaSample } from '../../recording/resources.ts'
import type { Topology } from '../../render/topology.ts'
import type { Stack } from '../../stack/stack.ts'
import { gpuSample, nvidiaSmi } from '../sampling/gpu.ts'
import { podReadings } from '../sampling/pod.ts'
import { type SampledReplica, Sampler } from '../sampling/sampler.ts'
import type { UsageReading } from '../sampling/usage.ts'
import { workloadOf } from './change-words.ts'
import type { Cluster } from './cluster.ts'
import type { Pod } from './objects.ts'
import { quantity } from './quantity.ts'
import { type Roles, isReplica, replicaOf } from './replicas.ts'

const everyMs = 5_000
/** Questions that are asked at the same time: each is a process. */
const atOnce = 4

export class ClusterSampler {
  readonly #release: string
  readonly #stack: Stack
  readonly #topology: Topology
  readonly #roles: Roles
  readonly #cluster: Cluster
  readonly #sampler = new Sampler()
  readonly #metricsServer = new Map<string, UsageReading>()
  #taken: ReplicaSample[] = []
  #beganMs = -Infinity
  #isTaking = false

  constructor(release: string, stack: Stack, topology: Topology, roles: Roles, cluster: Cluster) {
    this.#release = release
    this.#stack = stack
    this.#topology = topology
    this.#roles = roles
    this.#cluster = cluster
  }

  /** What has come since the call before; begins to ask again where the last answers are old. Never waits. */
  drain(): ReplicaSample[] {
    const nowMs = performance.now()
    if (!this.#isTaking && nowMs - this.#beganMs >= everyMs) {
      this.#beganMs = nowMs
      this.#isTaking = true
      // A cluster that does not answer for a while leaves a gap in the samples, and no more.
      void this.#take()
        .catch(() => {})
        .finally(() => (this.#isTaking = false))
    }
    return this.#taken.splice(0)
  }

  async #take(): Promise<void> {
    const { pods } = await this.#cluster.running(this.#release)
    const running = pods.filter((pod) => isReplica(pod) && pod.status?.phase === 'Running')
    const usage = await this.#usage(running)
    const limit = limited(atOnce)
    const samples = await this.#sampler.sample(running.map((pod) => this.#replica(pod, usage, limit)))
    this.#taken.push(...samples)
  }

  #replica(pod: Pod, usage: ReadonlyMap<string, UsageReading>, limit: Limit): SampledReplica {
    const { tier, replica } = replicaOf(pod, nothingAround, this.#roles)
    const workload = this.#topology.workloads.find(({ name }) => name === workloadOf(pod))
    const { uid = pod.metadata.name, name } = pod.metadata
    const { metrics = null, container } = workload ?? {}
    const cluster = this.#cluster
    return {
      tier,
      replica,
      id: uid,
      usage: async () => usage.get(uid) ?? null,
      signals: signalsOf(this.#stack, tier),
      metrics:
        metrics === null
          ? null
          : async () => await limit(() => cluster.podPage(name, metrics.port, metrics.path)),
      gpus:
        container === undefined || container.gpus === 0
          ? null
          : async () => {
              const csv = await limit(() => cluster.exec(name, workloadOf(pod), nvidiaSmi))
              return csv === null ? null : gpuSample(csv)
            },
    }
  }

  /** By the pods' uids. */
  async #usage(pods: readonly Pod[]): Promise<ReadonlyMap<string, UsageReading>> {
    const nodes = [...new Set(pods.flatMap(({ spec }) => spec.nodeName ?? []))]
    const limit = limited(atOnce)
    const summaries = await Promise.all(nodes.map((node) => limit(() => this.#cluster.nodeSummary(node))))
    const readings = summaries.flatMap((summary) => (summary === null ? [] : podReadings(summary)))
    if (readings.length > 0) return new Map(readings.map(({ uid, usage }) => [uid, usage]))
    return this.#fromMetricsServer(await this.#cluster.podMetrics(this.#release), pods)
  }

  /** It gives cores over a window of its own; added up they are what a kubelet would count. */
  #fromMetricsServer(answer: unknown, pods: readonly Pod[]): ReadonlyMap<string, UsageReading> {
    const items = (answer as { items?: readonly PodMetrics[] } | null)?.items ?? []
    for (const { metadata, timestamp, containers } of items) {
      const uid = pods.find((pod) => pod.metadata.name === metadata.name)?.metadata.uid
      if (uid === undefined) continue
      const cores = containers.reduce((sum, { usage }) => sum + quantity(usage.cpu), 0)
      const memoryBytes = containers.reduce((sum, { usage }) => sum + quantity(usage.memory), 0)
      const before = this.#metricsServer.get(uid)
      const atMs = Date.parse(timestamp)
      if (before?.atMs === atMs) continue
      const seconds = before === undefined ? 0 : Math.max(0, (atMs - before.atMs) / 1000)
      const cpuSeconds = (before?.cpuSeconds ?? 0) + cores * seconds
      this.#metricsServer.set(uid, { atMs, cpuSeconds, memoryBytes, network: null, disk: null })
    }
    return this.#metricsServer
  }
}

interface PodMetrics {
  readonly metadata: { readonly name: string }
  readonly timestamp: string
  readonly containers: readonly { readonly usage: { readonly cpu: string; readonly memory: string } }[]
}

const nothingAround = { nodes: null, pods: null, claims: [], events: [] }

type Limit = <T>(task: () => Promise<T>) => Promise<T>

/** Runs so many at once; the others wait their turn. */
function limited(most: number): Limit {
  let running = 0
  const waiting: (() => void)[] = []
  return async (task) => {
    if (running >= most) await new Promise<void>((resolve) => waiting.push(resolve))
    running += 1
    try {
      return await task()
    } finally {
      running -= 1
      waiting.shift()?.()
    }
  }
}
