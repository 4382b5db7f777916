import type { Component } from '../component.ts'

/** Our own gateway, ingest worker and balancer: on every target they run for real. */
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
}
