/** What the processes of a local stack say of their load, beside what their supervisor sees of them. */
import { componentNamed, signalsOf } from '../../catalog/catalog.ts'
import type { ReplicaSample } from '../../recording/resources.ts'
import type { Stack } from '../../stack/stack.ts'
import { type ProcessStatus, replicaName } from '../../supervision.ts'
import { metricsPage } from '../sampling/metrics-page.ts'
import { type SampledReplica, Sampler } from '../sampling/sampler.ts'

/** Keeps what was counted before. */
export class LocalSignals {
  readonly #sampler = new Sampler()

  /** The same samples; the newest of each replica with what it says now. */
  async joinedTo(
    samples: readonly ReplicaSample[],
    stack: Stack,
    processes: readonly ProcessStatus[],
  ): Promise<ReplicaSample[]> {
    const said = await this.#sampler.sample(processes.flatMap((process) => sampledReplica(stack, process)))
    const bySource = new Map(said.map((sample) => [nameOf(sample), sample]))
    const joined = new Map<string, ReplicaSample>(samples.map((sample) => [nameOf(sample), sample]))
    return samples.map((sample) => {
      const name = nameOf(sample)
      const { queue, signals } = bySource.get(name) ?? sample
      return joined.get(name) === sample ? { ...sample, queue: sample.queue ?? queue, signals } : sample
    })
  }
}

function nameOf({ tier, replica }: ReplicaSample): string {
  return `${tier} ${replica}`
}

function sampledReplica(stack: Stack, { wanted, pid, ports, state }: ProcessStatus): SampledReplica[] {
  const { id, tier, replica, component } = wanted
  const port = ports[id]
  const path = componentNamed(component)?.metricsPath ?? null
  if (replica === null || pid === null || port === undefined || path === null || state !== 'healthy')
    return []
  return [
    {
      tier,
      replica: replicaName(wanted),
      id: `${id} ${pid}`,
      usage: null,
      signals: signalsOf(stack, tier),
      metrics: () => metricsPage(`http://127.0.0.1:${port}${path}`),
      gpus: null,
    },
  ]
}
