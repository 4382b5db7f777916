/** The containers of tasks that run on the engine's own node: of the others an engine knows nothing. */
import { type ReplicaSample, nothingSampled } from '../../recording/resources.ts'
import { signalsOf } from '../../catalog/catalog.ts'
import type { Stack } from '../../stack/stack.ts'
import { topologyOf } from '../../render/workloads.ts'
import type { Engine } from '../docker/engine.ts'
import { containerReading } from '../sampling/container.ts'
import { gpuSample, nvidiaSmi } from '../sampling/gpu.ts'
import { metricsPage } from '../sampling/metrics-page.ts'
import type { SampledReplica } from '../sampling/sampler.ts'
import { bridgeAddresses } from './addresses.ts'
import { execute } from '../docker/exec.ts'
import type { FoundSwarm } from './found.ts'
import { replicasIn } from './tasks.ts'

/** Replicas that run on this node, and how each is asked. */
export async function sampledReplicas(
  stack: Stack,
  swarm: FoundSwarm,
  engine: Engine,
): Promise<SampledReplica[]> {
  const { workloads } = topologyOf(stack, 'swarm')
  const addresses = await bridgeAddresses(engine)
  return replicasIn(swarm, []).flatMap((replica): SampledReplica[] => {
    const { task, tier } = replica
    const id = task.container
    if (id === null || task.node !== swarm.node || task.state !== 'running') return []
    const service = swarm.services.find(({ name }) => name === replica.service)
    const workload = workloads.find(({ name }) => name === service?.labels['com.ragscale.workload'])
    const address = addresses.get(id)
    const metrics = workload?.metrics ?? null
    const container = engine.docker.getContainer(id)
    return [
      {
        tier,
        replica: replica.replica,
        id,
        usage: async () =>
          containerReading(await container.stats({ stream: false, 'one-shot': true }).catch(() => null)),
        signals: signalsOf(stack, tier),
        metrics:
          metrics === null || address === undefined
            ? null
            : () => metricsPage(`http://${address}:${metrics.port}${metrics.path}`),
        gpus:
          (workload?.container.gpus ?? 0) === 0
            ? null
            : async () => {
                const said = await execute(engine, id, nvidiaSmi)
                return said === null ? null : gpuSample(said)
              },
      },
    ]
  })
}

/**
 * What a tier uses is summed over its replicas: of one that runs on other nodes too a sum of those here would be taken
 * for the whole. Each of its replicas is there, and of none is said what it used.
 */
export function withoutPartial(samples: readonly ReplicaSample[], swarm: FoundSwarm): ReplicaSample[] {
  const running = replicasIn(swarm, []).filter(({ task }) => task.state === 'running')
  const elsewhere = running.filter(({ task }) => task.node !== swarm.node)
  const partial = new Set(elsewhere.map(({ tier }) => tier))
  const [at] = samples.map((sample) => sample.at)
  return [
    ...samples.map((sample) =>
      partial.has(sample.tier)
        ? { ...nothingSampled, at: sample.at, tier: sample.tier, replica: sample.replica }
        : sample,
    ),
    ...elsewhere.map(({ tier, replica }) => ({ ...nothingSampled, at: at ?? Date.now(), tier, replica })),
  ]
}
