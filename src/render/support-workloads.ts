/** What runs beside the tiers where it is asked for: the queue, the metadata database and its read replicas, the chat page. */
import { componentNamed } from '../catalog/catalog.ts'
import type { Container, Deployment } from '../catalog/container.ts'
import { ExitCode, UserError } from '../errors.ts'
import { supportNames, type SupportName, type SupportTier } from '../stack/stack.ts'
import type { Workload } from './topology.ts'

type About = (tier: string) => Deployment

export function supportWorkloads(about: About): Workload[] {
  return supportNames.flatMap((name) => {
    const tier = about(name).stack.support[name]
    return tier === undefined ? [] : workloadsOf(name, tier, about)
  })
}

function workloadsOf(name: SupportName, tier: SupportTier, about: About): Workload[] {
  const component = componentNamed(tier.component)
  const container = component?.deploy?.(about(name))
  if (component === undefined || container === undefined) {
    throw new UserError(
      `tiers.${name}.component: there is no component ${tier.component} that can be deployed`,
      {
        exitCode: ExitCode.usage,
        code: 'config',
      },
    )
  }
  const workload = (
    of: Container,
    over: Pick<Workload, 'name' | 'count' | 'because' | 'after'> & Partial<Workload>,
  ): Workload => ({
    tier: name,
    component: component.name,
    kind: 'replicas',
    container: of,
    profile: null,
    metrics: null,
    ...over,
  })
  const reads = component.readReplica
  if (reads === undefined) {
    return [workload(container, { name, count: one(name, tier), because: reasons[name], after: [] })]
  }
  const primary = workload(container, { name, count: 1, because: 'the one that takes writes', after: [] })
  if (tier.replicas < 2) return [primary]
  return [
    primary,
    workload(reads(about(name)), {
      name: `${name}-replica`,
      // Each has data of its own, and a name by which one can be told from the other.
      kind: 'nodes',
      count: tier.replicas - 1,
      because: `replicas: ${tier.replicas} with the one that takes writes; these follow it and only read`,
      after: [{ name, until: 'healthy' }],
    }),
  ]
}

/** A queue keeps one order of documents: a second would be another queue. */
function one(name: SupportName, tier: SupportTier): number {
  return name === 'queue' ? 1 : tier.replicas
}

const reasons: Readonly<Record<SupportName, string>> = {
  queue: 'one, in which all documents wait for all workers; what it took outlives a restart',
  metadata: 'as ragscale.yaml says',
  ui: 'as ragscale.yaml says',
}
