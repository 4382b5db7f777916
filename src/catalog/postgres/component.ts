import type { Component } from '../component.ts'
import { primaryContainer, replicaContainer } from './deploy.ts'

/** Postgres, for what is kept beside the vectors. It exports no metrics by itself. */
export const postgres: Component = {
  name: 'postgres',
  title: 'Postgres',
  fills: ['metadata'],
  protocol: null,
  ports: { postgres: 5432 },
  healthPath: null,
  metricsPath: null,
  metrics: {},
  scales: 'replicas',
  deploy: primaryContainer,
  readReplica: replicaContainer,
}
