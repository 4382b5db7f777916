/** Replicas that run, and how each is asked for what it uses. */
import { signalsOf } from '../../catalog/catalog.ts'
import { topologyOf } from '../../render/workloads.ts'
import type { Stack } from '../../stack/stack.ts'
import { type FoundContainer, containersWith } from '../docker/containers.ts'
import type { Engine } from '../docker/engine.ts'
import { containerReading } from '../sampling/container.ts'
import { gpuSample, nvidiaSmi } from '../sampling/gpu.ts'
import { metricsPage } from '../sampling/metrics-page.ts'
import type { SampledReplica } from '../sampling/sampler.ts'
import { execute } from '../docker/exec.ts'
import { identityOf, projectLabel } from './found.ts'

export async function sampledReplicas(stack: Stack, engine: Engine): Promise<SampledReplica[]> {
  const { workloads } = topologyOf(stack, 'compose')
  const containers = await containersWith(engine, [`${projectLabel}=${stack.name}`])
  return containers.flatMap((container): SampledReplica[] => {
    const { tier, workload: name, replica } = identityOf(container)
    const workload = workloads.find((one) => one.name === name)
    if (container.status !== 'running' || workload === undefined || workload.kind === 'job') return []
    const { id } = container
    const address = addressOf(container, engine)
    const { metrics } = workload
    return [
      {
        tier,
        replica,
        id,
        usage: async () =>
          containerReading(
            await engine.docker
              .getContainer(id)
              .stats({ stream: false, 'one-shot': true })
              .catch(() => null),
          ),
        signals: signalsOf(stack, tier),
        metrics:
          metrics === null || address === null
            ? null
            : async () => await metricsPage(`http://${address}:${metrics.port}${metrics.path}`),
        gpus:
          workload.container.gpus === 0
            ? null
            : async () => {
                const said = await execute(engine, id, nvidiaSmi)
                return said === null ? null : gpuSample(said)
              },
      },
    ]
  })
}

/** In a network of the engine, which its own host reaches; null where the engine is on another machine. */
export function addressOf({ addresses }: FoundContainer, { place }: Pick<Engine, 'place'>): string | null {
  return place.host.startsWith('unix://') ? (Object.values(addresses)[0] ?? null) : null
}
