/** What watches the stack, each behind a profile: on Compose and Swarm only, since a cluster has its own. */
import { componentNamed } from '../catalog/catalog.ts'
import type { Deployment } from '../catalog/container.ts'
import type { Stack } from '../stack/stack.ts'
import type { After, Profile, Workload } from './topology.ts'

interface Watcher {
  readonly name: string
  readonly profile: Profile
  readonly kind: Workload['kind']
  readonly because: string
  readonly after?: readonly After[]
}

const watchers: readonly Watcher[] = [
  {
    name: 'cadvisor',
    profile: 'observability',
    kind: 'agent',
    because: 'one on every host: it reads that host’s containers',
  },
  {
    name: 'prometheus',
    profile: 'observability',
    kind: 'replicas',
    because: 'one: it scrapes the whole stack',
  },
  {
    name: 'grafana',
    profile: 'observability',
    kind: 'replicas',
    because: 'one: it only shows what Prometheus has',
  },
  {
    name: 'dcgm',
    profile: 'gpu-metrics',
    kind: 'agent',
    because: 'one on every host with GPUs: it reads that host’s GPUs',
  },
  { name: 'jaeger', profile: 'tracing', kind: 'replicas', because: 'one: it keeps traces in its memory' },
  {
    name: 'collector',
    profile: 'tracing',
    kind: 'replicas',
    because: 'one: it batches the spans of every replica',
  },
]

export function observabilityWorkloads(about: (tier: string) => Deployment): Workload[] {
  const { stack, target } = about('observability')
  if (target !== 'compose' && target !== 'swarm') return []
  return watchers.flatMap(({ name, profile, kind, because, after = [] }) => {
    if (profile === 'gpu-metrics' && !hasGpus(stack)) return []
    const component = componentNamed(name)
    const container = component?.deploy?.(about('observability'))
    if (component === undefined || container === undefined) return []
    const port = container.ports['metrics'] ?? container.ports['http']
    return [
      {
        name,
        tier: 'observability',
        component: name,
        kind,
        count: 1,
        because,
        container,
        after,
        profile,
        metrics:
          component.metricsPath === null || port === undefined ? null : { port, path: component.metricsPath },
      },
    ]
  })
}

/** In a rehearsal no GPU is touched. */
function hasGpus(stack: Stack): boolean {
  if (stack.rehearse) return false
  const { embed, rerank, generate } = stack.tiers
  return [embed, rerank, generate].some((tier) => tier?.gpu !== undefined && tier.gpu.toLowerCase() !== 'cpu')
}
