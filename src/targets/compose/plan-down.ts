/** What to do until nothing of the stack is left. Pure. */
import { identityOf } from './found.ts'
import { type ComposeObserved, type ComposeStep, type PlannedStep, inWaves } from './steps.ts'

/** What answers from outside ends first, and drains while what it calls is still there; stores end last. */
const waveOf: Readonly<Record<string, number>> = {
  balancer: 0,
  ui: 0,
  gateway: 1,
  worker: 1,
  vector: 3,
  cache: 3,
  queue: 3,
  metadata: 3,
}

export function planDown(observed: ComposeObserved, options: { readonly volumes: boolean }): ComposeStep[] {
  const { containers, wanted, networks, volumes, state } = observed
  const stops = containers.map((container): { wave: number; step: PlannedStep } => {
    const { name, tier, workload } = identityOf(container)
    const stopSeconds = wanted.find((service) => service.workload === workload)?.stopSeconds ?? 120
    const what = container.status === 'running' ? `stop ${name}` : `remove ${name}`
    return {
      wave: waveOf[tier] ?? 2,
      step: { kind: 'remove', id: container.id, name, stopSeconds, what, because: 'ragscale down', tier },
    }
  })
  const removal = (kind: 'remove-network' | 'remove-volume', name: string, because: string): PlannedStep => ({
    kind,
    name,
    what: `remove the ${kind === 'remove-network' ? 'network' : 'volume'} ${name}`,
    because,
    tier: null,
  })
  return inWaves([
    ...[0, 1, 2, 3].map((wave) => stops.filter((stop) => stop.wave === wave).map(({ step }) => step)),
    networks.map((name) => removal('remove-network', name, 'ragscale down')),
    state.size > 0
      ? [{ kind: 'forget', what: 'remove .ragscale/compose', because: 'ragscale down', tier: null }]
      : [],
    options.volumes ? volumes.map((name) => removal('remove-volume', name, 'ragscale down --volumes')) : [],
  ])
}
