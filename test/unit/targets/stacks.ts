import { readStack } from '../../../src/stack/load.ts'
import type { Stack } from '../../../src/stack/stack.ts'

export const allTiers = `
  gateway:  { replicas: 2 }
  embed:    { model: BAAI/bge-small-en-v1.5, replicas: 2 }
  vector:   { nodes: 3, collection: { name: docs, shards: 6, replication: 2 } }
  rerank:   { model: BAAI/bge-reranker-base }
  generate: { model: meta-llama/Llama-3.2-1B-Instruct, gpu: L4 }
  cache:    { embeddings: { ttl: 1h } }
  worker:   {}`

/** A stack in `/stacks/handbook`, from the tiers' YAML. */
export function stackOf(tiers: string, more = 'target: local'): Stack {
  const { stack, problems } = readStack(
    `name: handbook\n${more}\ntiers:${tiers}\n`,
    '/stacks/handbook/ragscale.yaml',
  )
  if (stack === null) throw new Error(problems.map(({ message, key }) => `${key}: ${message}`).join('\n'))
  return stack
}
