/** The job that creates the collection by its shard plan: Qdrant does not, and `shard_number` cannot change later. */
import type { Container, Deployment } from '../container.ts'
import { ownService } from '../reference/service.ts'
import { upstreamSecrets, vectorUpstream } from '../reference/upstreams.ts'
import { mebibyte } from '../resources.ts'

/** Long enough for a cluster that pulls its images and loads its data first. */
const waitSeconds = 600

export function collectionContainer({ stack, addresses }: Deployment): Container {
  const { vector } = stack.tiers
  return ownService({
    service: 'collection',
    config: {
      vector: vectorUpstream(stack, addresses),
      nodes: vector?.nodes,
      collection: { ...vector?.collection },
      waitSeconds,
    },
    secrets: upstreamSecrets(stack, ['vector']),
    health: null,
    reservation: { cpus: 0.1, memoryBytes: 128 * mebibyte, because: 'a few requests, then it ends' },
    graceSeconds: 5,
  })
}
