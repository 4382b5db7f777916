import type { Component } from '../component.ts'
import { collectionContainer } from './collection.ts'
import { metricsPort, qdrantContainer } from './deploy.ts'
import { qdrantObserved } from './observed.ts'
import { qdrantTiming } from './timing.ts'

/** Qdrant: a cluster of nodes that share the shards of a collection. */
export const qdrant: Component = {
  name: 'qdrant',
  title: 'Qdrant',
  fills: ['vector'],
  protocol: 'qdrant',
  // The peers' port is never published.
  ports: { http: 6333, grpc: 6334, peers: 6335, metrics: metricsPort },
  // Latched: it never turns false again, so health is also the replicas' states and raft.
  healthPath: '/readyz',
  metricsPath: '/metrics',
  metrics: {
    points: 'collection_points',
    peers: 'cluster_peers_total',
    responses: 'rest_responses_total',
    duration: 'rest_responses_duration_seconds',
    resident: 'memory_resident_bytes',
  },
  scales: 'nodes',
  timing: qdrantTiming,
  deploy: qdrantContainer,
  prepare: collectionContainer,
  observed: qdrantObserved,
}
