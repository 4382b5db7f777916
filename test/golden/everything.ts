/** A stack with every workload that there is, for what checks files by the programs that read them. */
export const everything = `
name: everything
tiers:
  gateway: { component: reference, replicas: 2 }
  embed: { component: tei, model: BAAI/bge-base-en-v1.5, replicas: 2, gpu: T4 }
  vector: { component: qdrant, nodes: 3, collection: { name: docs, points: 1_000_000, shards: 6, replication: 2 } }
  rerank: { component: tei, model: BAAI/bge-reranker-base, replicas: 2, gpu: cpu }
  generate: { component: vllm, model: meta-llama/Llama-3.1-8B-Instruct, replicas: 2, gpu: A100, tensorParallel: 2, maxModelLength: 8192 }
  cache: { component: redis, embeddings: { ttl: 1h } }
  worker: { component: reference, replicas: 2 }
  queue: { component: redis }
  metadata: { component: postgres, replicas: 3 }
  ui: { component: open-webui }
balancer: { component: haproxy, replicas: 2 }
workload: { rate: 20/s, topK: 5, outputTokens: 128, seed: 1 }
slo: { pipeline: { p95: 2s, errors: 0.1% } }
`
