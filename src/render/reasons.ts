/** Why there are so many of a workload: what the stack itself says for it, and nothing more. */
import type { ReplicaTier, ReplicaTierName, Stack, VectorTier } from '../stack/stack.ts'

export function replicasReason(stack: Stack, name: ReplicaTierName, tier: ReplicaTier): string {
  const gpu = tier.gpu === undefined || tier.gpu.toLowerCase() === 'cpu' ? undefined : tier.gpu
  const each = tier.tensorParallel ?? 1
  return [
    `replicas: ${tier.replicas}, as ragscale.yaml says`,
    ...(gpu === undefined
      ? []
      : [`${tier.replicas * each} ${gpu} in all${each > 1 ? `, ${each} a replica` : ''}`]),
    ...(name === 'gateway' ? [`for ${stack.workload.rate} queries a second`] : []),
    ...(tier.autoscale === undefined ? [] : [`on Kubernetes ${tier.autoscale.min} to ${tier.autoscale.max}`]),
    ...(tier.replicas === 1 ? ['losing it stops the tier until it is back'] : []),
    ...(stack.limits.replicas === null ? [] : [`limits.replicas allows ${stack.limits.replicas}`]),
  ].join('; ')
}

export function nodesReason({ nodes, collection: { shards, replication } }: VectorTier): string {
  const majority = Math.floor(nodes / 2) + 1
  const spare = nodes - majority
  const each = (shards * replication) / nodes
  const copies = replication === 1 ? '' : ` in ${replication} copies`
  return [
    `nodes: ${nodes}, ${spare === 0 ? 'of which none may be lost' : `which keep a majority with ${spare} lost`}`,
    `shards: ${shards}${copies}, ${Number.isInteger(each) ? each : `up to ${Math.ceil(each)}`} a node${growth(nodes, shards)}`,
    ...(replication === 1 && nodes > 1
      ? ['one copy of each shard: a lost node takes its part of the data with it']
      : []),
  ].join('; ')
}

/** `shard_number` cannot change later: what it leaves room for. */
function growth(nodes: number, shards: number): string {
  if (shards > nodes) return `, so that nodes ${nodes + 1} to ${shards} can each take some`
  return nodes === 1
    ? ', enough to about 10 million points'
    : ', so that every node searches once for a query'
}
