/** A stack with a gateway, models and a Qdrant cluster, on a real node: its file, values of its chart, and what lies beside. */
import type { StackFolder } from './command.ts'

/** On a node of two cores, all of them: what they reserve is not what is tried here. */
const little = 'resources: { cpus: 0.05 }'
export const yaml = `name: handbook
target: kubernetes
rehearse: true
tiers:
  gateway: { component: reference, replicas: 2, ${little} }
  embed:
    component: tei
    model: BAAI/bge-small-en-v1.5
    replicas: 2 # for now
    ${little}
    emulate: { model: fifo, law: fixed, mean: 100ms, servers: 1 }
  vector:
    component: qdrant
    nodes: 3
    cpus: 1
    collection: { name: docs, dimensions: 384, distance: Cosine, points: 1_000, shards: 6, replication: 2 }
  generate: { component: vllm, model: meta-llama/Llama-3.1-8B-Instruct, replicas: 2, gpu: H100, maxModelLength: 8192, ${little} }
  cache: { component: redis, image: 'redis:test', ${little} }
  worker: { component: reference, ${little} }
balancer: { component: nginx, image: 'nginx:test' }
workload: { rate: 4/s, queries: queries.txt, seed: 7, topK: 3, outputTokens: 8 }
slo:
  embed: { p95: 2s }
  pipeline: { p95: 5s, errors: 5% }
limits: { replicas: 8 }
`
/** All nodes of vector on the one that there is; and what emulators reserve, whatever the file says of the real ones. */
const sized = (embedMemory: string) => ({
  vector: { apart: 'preferred' },
  embed: { resources: { requests: { cpu: '50m', memory: embedMemory }, limits: { memory: embedMemory } } },
  generate: { resources: { requests: { cpu: '50m' } } },
})

export interface Own {
  /** Of a replica of embed, `512Mi` where it is left out. */
  readonly embedMemory?: string
  readonly routing?: object
}

/** Of the chart, over its own. */
export const valuesOf = ({ embedMemory = '512Mi', ...more }: Own) => ({ tiers: sized(embedMemory), ...more })

/** Questions, and documents to be asked for. */
export async function writeBeside({ write }: Pick<StackFolder, 'write'>): Promise<void> {
  const queries = Array.from({ length: 1_000 }, (_, index) => `What is in shard ${index}?\n`)
  await write('queries.txt', queries.join(''))
  for (let index = 0; index < 20; index++)
    await write(`documents/${index}.md`, `Shard ${index} holds what no other does.\n`)
}
