/** A small stack on this machine that has served every kind of request, to be watched. */
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { type StackOnDisk, stackOnDisk } from '../local/stack-on-disk.ts'

const yaml = `
name: handbook
target: local
tiers:
  gateway: { component: reference, replicas: 1 }
  embed: { component: tei, model: BAAI/bge-small-en-v1.5, replicas: 2, gpu: L4 }
  vector: { component: qdrant, nodes: 2, collection: { name: docs, points: 1000, shards: 2, replication: 2 } }
  rerank: { component: tei, model: BAAI/bge-reranker-base, replicas: 1, gpu: L4 }
  generate: { component: vllm, model: Qwen/Qwen2.5-0.5B-Instruct, replicas: 1, gpu: L4, maxModelLength: 4096 }
  cache: { component: memory, embeddings: { ttl: 1h } }
  worker: { component: reference, replicas: 1 }
workload: { rate: 5/s, topK: 3, outputTokens: 16, seed: 1 }
slo:
  embed: { p99: 100ms }
  retrieve: { p99: 100ms }
  generate: { ttft.p95: 1s }
  pipeline: { p95: 2.5s, errors: 1% }
limits: { budget: 5000/month }
`

export interface Replica {
  /** The job that watches it: its tier. */
  readonly job: string
  readonly name: string
  readonly url: string
}

export interface WatchedStack {
  readonly disk: StackOnDisk
  readonly yaml: string
  readonly replicas: readonly Replica[]
  /** One document in, and so many queries answered, streamed and whole. */
  serve(queries: number): Promise<void>
}

export async function watchedStack(): Promise<WatchedStack> {
  const disk = await stackOnDisk(yaml)
  const up = await disk.ragscale('up')
  if (up.exitCode !== 0) throw new Error(`ragscale up: ${up.err}`)
  const status = await disk.status()
  const replicas = status.replicas.flatMap(({ name, url }) =>
    url === null || name.endsWith('-balancer') ? [] : [{ job: name.replace(/-\d+$/, ''), name, url }],
  )
  let asked = 1
  const urlOf = (job: string): string => replicas.find((replica) => replica.job === job)?.url ?? ''
  return {
    disk,
    yaml,
    replicas,
    serve: async (queries) => {
      const text = 'A replica is a copy of a stateless server. A node is a member of a cluster.'
      // Makes the collection, and waits until all nodes know it.
      await mkdir(join(disk.folder, 'documents'), { recursive: true })
      await writeFile(join(disk.folder, 'documents', 'words.md'), text)
      const ingested = await disk.ragscale('ingest', 'documents')
      if (ingested.exitCode !== 0) throw new Error(`ragscale ingest: ${ingested.err}`)
      await insisting(`${urlOf('worker')}/documents`, { source: 'handbook.md', text })
      for (let index = 0; index < queries; index++) {
        const query = `What is a replica, asked for the ${asked++}. time?`
        await insisting(`${urlOf('gateway')}/query`, { query, stream: index % 2 === 0 })
        await sleep(20)
      }
    },
  }
}

/** Asks again while the machine is too busy to answer in time. */
async function insisting(url: string, body: Record<string, unknown>): Promise<void> {
  for (let tries = 1; ; tries++) {
    const said = await post(url, body)
    if (said === null) return
    if (tries === 20) throw new Error(`${url} answered ${said}`)
    await sleep(500)
  }
}

/** Null when it was answered well, else what was said. */
async function post(url: string, body: Record<string, unknown>): Promise<string | null> {
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  })
  const text = await response.text()
  return response.ok ? null : `${response.status}: ${text}`
}
