import type { Component } from '../component.ts'

export const nginx: Component = {
  name: 'nginx',
  title: 'nginx',
  fills: ['balancer'],
  protocol: null,
  ports: { http: 80 },
  healthPath: null,
  metricsPath: null,
  metrics: {},
  scales: 'replicas',
}
