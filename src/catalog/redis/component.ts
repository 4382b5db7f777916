import type { Component } from '../component.ts'
import { redisContainer } from './deploy.ts'

/** What all gateway replicas share a cache in, and what documents wait in for a worker. */
export const redis: Component = {
  name: 'redis',
  title: 'Redis',
  fills: ['cache', 'queue'],
  protocol: null,
  ports: { redis: 6379 },
  healthPath: null,
  metricsPath: null,
  metrics: {},
  scales: 'replicas',
  deploy: redisContainer,
}

/** No server: each gateway replica keeps a cache of its own. */
export const memory: Component = {
  name: 'memory',
  title: 'in process',
  fills: ['cache'],
  protocol: null,
  ports: {},
  healthPath: null,
  metricsPath: null,
  metrics: {},
  scales: 'replicas',
}
