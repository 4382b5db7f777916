import type { Component } from '../component.ts'

/** What all gateway replicas share a cache in. */
export const redis: Component = {
  name: 'redis',
  title: 'Redis',
  fills: ['cache'],
  protocol: null,
  ports: { redis: 6379 },
  healthPath: null,
  metricsPath: null,
  metrics: {},
  scales: 'replicas',
}

/** No server: each gateway replica keeps a cache of its own. */
export const memory: Component = { ...redis, name: 'memory', title: 'in process', ports: {} }
