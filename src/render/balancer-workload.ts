/** What stands before every tier: one workload, listening on a port a tier. */
import { componentNamed } from '../catalog/catalog.ts'
import type { Deployment } from '../catalog/container.ts'
import { renderBalancer } from './balancer/balancer.ts'
import type { Workload } from './topology.ts'

export function balancerWorkload(about: (tier: string) => Deployment): Workload[] {
  const deployment = about('balancer')
  const { stack, target } = deployment
  if (target === 'systemd') return []
  const file = renderBalancer(stack, target)
  const component = componentNamed(stack.balancer.component)
  const container = component?.deploy?.(deployment)
  if (component === undefined || container === undefined) return []
  const { replicas } = stack.balancer
  const port = container.ports['metrics'] ?? container.ports['status']
  return [
    {
      name: 'balancer',
      tier: 'balancer',
      component: component.name,
      kind: 'replicas',
      count: replicas,
      because: `replicas: ${replicas}, as ragscale.yaml says; it starts without the replicas behind it and finds them by itself`,
      container: { ...container, files: [...container.files, file] },
      after: [],
      profile: null,
      metrics:
        component.metricsPath === null || port === undefined ? null : { port, path: component.metricsPath },
    },
  ]
}
