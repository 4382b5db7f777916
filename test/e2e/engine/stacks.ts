/** Stacks of emulators, with the images that the run made. */

/** Every tier that a query passes through, two of each, and a Qdrant cluster of three nodes. */
export function everyTier(embed = 2): string {
  return `name: handbook
target: compose
rehearse: true
tiers:
  gateway: { component: reference, replicas: 2 }
  embed:
    component: tei
    model: BAAI/bge-small-en-v1.5
    replicas: ${embed} # for now
    emulate: { model: fifo, law: fixed, mean: 100ms, servers: 1 }
  vector:
    component: qdrant
    nodes: 3
    collection: { name: docs, dimensions: 384, distance: Cosine, points: 1_000, shards: 6, replication: 2 }
  generate: { component: vllm, model: meta-llama/Llama-3.1-8B-Instruct, replicas: 2, gpu: H100, maxModelLength: 8192 }
  cache: { component: redis, image: 'redis:test', answers: { ttl: 1h } }
  worker: { component: reference, replicas: 2 }
balancer: { component: nginx, image: 'nginx:test' }
workload: { rate: 4/s, queries: queries.txt, seed: 7, topK: 3, outputTokens: 8 }
slo:
  embed: { p95: 1s }
limits: { replicas: 8 }
`
}

/** The least that is a stack: one tier behind a balancer. */
export function embedOnly(
  replicas = 1,
  more: { readonly image?: string; readonly emulate?: string } = {},
): string {
  const { image, emulate = '{ model: fifo, law: fixed, mean: 5ms, servers: 4 }' } = more
  return `name: handbook
target: compose
rehearse: true
tiers:
  embed:
    component: tei
    model: BAAI/bge-small-en-v1.5
    replicas: ${replicas} # for now
    emulate: ${emulate}
${image === undefined ? '' : `    image: ${image}\n`}balancer: { component: nginx, image: 'nginx:test' }
workload: { rate: 10/s, queries: queries.txt, seed: 7 }
slo: { embed: { p95: 500ms } }
limits: { replicas: 8 }
`
}

/** The tiers of a query in a swarm of one small node. `cpus`: what a replica of the gateway reserves. */
export function inSwarm(gatewayImage = 'ragscale:0.1.0', cpus = 0.1): string {
  return `name: handbook
target: swarm
rehearse: true
tiers:
  gateway: { component: reference, image: '${gatewayImage}', resources: { cpus: ${cpus} } }
  embed: { component: tei, model: BAAI/bge-small-en-v1.5, replicas: 2 }
  vector:
    component: qdrant
    nodes: 2
    collection: { name: docs, dimensions: 384, distance: Cosine, points: 1_000, shards: 2, replication: 2 }
  generate: { component: vllm, model: meta-llama/Llama-3.1-8B-Instruct, gpu: H100, maxModelLength: 8192 }
  cache: { component: redis, image: 'redis:test', answers: { ttl: 1h } }
balancer: { component: nginx, image: 'nginx:test' }
workload: { rate: 3/s, queries: queries.txt, seed: 7, topK: 3, outputTokens: 8 }
`
}
