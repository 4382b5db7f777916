import type { Component } from '../component.ts'
import { gatewayContainer } from './gateway.ts'
import { gatewayObserved } from './gateway-observed.ts'
import { referenceScaling } from './scaling.ts'
import { workerContainer } from './worker.ts'
import { workerObserved } from './worker-observed.ts'

/** Our own gateway and ingest worker, which run for real on every target, and the local target's balancer. */
export const reference: Component = {
  name: 'reference',
  title: 'ragscale’s own',
  fills: ['gateway', 'worker', 'balancer'],
  protocol: 'ragscale',
  ports: { http: 8080 },
  healthPath: '/readyz',
  metricsPath: '/metrics',
  metrics: {},
  scales: 'replicas',
  scaling: referenceScaling,
  deploy: (about) => (about.tier === 'worker' ? workerContainer(about) : gatewayContainer(about)),
  observed: (tier, stack) => {
    if (tier === 'gateway') return gatewayObserved(stack)
    return tier === 'worker' ? workerObserved : undefined
  },
}
