import { readFileSync, readdirSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { eventually, QdrantNodes } from './qdrant-nodes.ts'
import { differences, mask, parseKeepingNumbers, type Leniency } from './qdrant-shape.ts'

interface Exchange {
  readonly name: string
  readonly request: { method: string; path: string; node: number; body?: unknown; rawBody?: string }
  readonly response: { status: number; contentType: string | null; text: string }
}

const folder = fileURLToPath(new URL('../fixtures/qdrant-1.18/', import.meta.url))
const exchanges: Exchange[] = readdirSync(folder)
  .filter((file) => file.endsWith('.json'))
  .sort()
  .map((file) => ({ name: file.replace('.json', ''), ...JSON.parse(readFileSync(folder + file, 'utf8')) }))
const bodyOf = (prefix: string) => exchanges.find(({ name }) => name.startsWith(prefix))!.request.body

/** Peers of the recording, by node. */
const recordedPeers = ['2565043181464404', '314370534345122', '2234902672919936']

describe('every exchange recorded from a real cluster of three', () => {
  let nodes: QdrantNodes
  let peers: string[] = []

  beforeAll(async () => {
    nodes = await QdrantNodes.start(3)
    peers = await Promise.all(
      [0, 1, 2].map(async (node) => /"peer_id":(\d+)/.exec(await textOf(node, '/cluster'))![1]!),
    )
  })
  afterAll(async () => await nodes.stop())

  const textOf = async (node: number, path: string) => await (await fetch(nodes.url(node) + path)).text()
  const clusterOf = async (collection: string) =>
    (await textOf(0, `/collections/${collection}/cluster`)).replace(/(\d{10,})/g, '"$1"')
  const replicasOf = async (collection: string) => {
    const { result } = JSON.parse(await clusterOf(collection)) as {
      result: {
        peer_id: string
        local_shards: { shard_id: number; state: string }[]
        remote_shards: { shard_id: number; peer_id: string; state: string }[]
        shard_transfers: unknown[]
      }
    }
    const replicas = [
      ...result.local_shards.map((shard) => ({ ...shard, peer_id: result.peer_id })),
      ...result.remote_shards,
    ]
    return { replicas, transfers: result.shard_transfers }
  }

  /** The recording's ids in ours: peers by node, and shards by the nodes that hold them. */
  const shardNames = new Map<string, string>()
  const ours = (text: string) =>
    recordedPeers
      .reduce((changed, peer, node) => changed.replaceAll(peer, peers[node]!), text)
      .replace(
        /("shard_id": )(\d+)/,
        (_, key: string, shard: string) => key + (shardNames.get(shard) ?? shard),
      )

  /** A shard that lies on exactly these nodes. */
  const shardOn = async (...on: number[]) => {
    const { replicas } = await replicasOf('docs')
    const wanted = on
      .map((node) => peers[node]!)
      .sort()
      .join()
    const shards = new Set(replicas.map(({ shard_id }) => shard_id))
    const found = [...shards].find(
      (shard) =>
        replicas
          .filter(({ shard_id }) => shard_id === shard)
          .map(({ peer_id }) => peer_id)
          .sort()
          .join() === wanted,
    )
    return String(found)
  }

  const send = async ({ request }: Pick<Exchange, 'request'>) => {
    const body = request.rawBody ?? (request.body === undefined ? undefined : JSON.stringify(request.body))
    const response = await fetch(nodes.url(request.node) + ours(request.path), {
      method: request.method,
      ...(body === undefined ? {} : { body: ours(body), headers: { 'content-type': 'application/json' } }),
    })
    return {
      status: response.status,
      contentType: response.headers.get('content-type'),
      text: await response.text(),
    }
  }

  const noTransfers = () =>
    eventually(
      () => replicasOf('docs'),
      ({ transfers }) => transfers.length === 0,
    )

  /** What happened between the exchanges of the recording. */
  const before: Readonly<Record<string, () => Promise<unknown>>> = {
    // The recording keeps three of the two hundred points that were written.
    '20-upsert-uuid': async () => {
      const points = Array.from({ length: 197 }, (_, index) => ({
        id: index + 3,
        vector: Array.from({ length: 8 }, (_, at) => Math.sin((index + 3) * 7.1 + at * 3.3)),
        payload: { source: `doc${index % 5}`, chunk: index + 3, text: `chunk ${index + 3}` },
      }))
      const request = { method: 'PUT', path: '/collections/docs/points?wait=true', node: 0, body: { points } }
      expect((await send({ request })).status).toBe(200)
    },
    '48-replicate-shard': async () => {
      shardNames.set('0', await shardOn(1, 2))
      shardNames.set('1', await shardOn(0, 2))
    },
    '50-replicate-again': noTransfers,
    '51-drop-replica': noTransfers,
    '52-move-shard': noTransfers,
    '55-remove-peer-with-shards': noTransfers,
    '63-query-one-node-dead': async () => await nodes.kill(2),
    '69-collection-cluster-node-back': async () => {
      await nodes.startNode(2)
      await eventually(
        () => replicasOf('docs'),
        ({ replicas, transfers }) =>
          transfers.length === 0 && replicas.every(({ state }) => state === 'Active'),
      )
    },
    '70-readyz-node-2-back': async () =>
      await eventually(
        () => textOf(2, '/readyz'),
        (text) => text.startsWith('all'),
      ),
  }

  for (const exchange of exchanges) {
    const { name, request, response } = exchange
    it(`${name}: ${request.method} ${request.path} answers as recorded`, async () => {
      await before[name]?.()
      const answer = await send(exchange)
      expect(`${answer.status} ${answer.contentType}`, answer.text).toBe(
        `${response.status} ${response.contentType}`,
      )
      if (request.path === '/metrics') expect(familiesOf(answer.text)).toEqual(familiesOf(response.text))
      else if (response.contentType === 'application/json') {
        expect(
          differences(parseKeepingNumbers(response.text), parseKeepingNumbers(answer.text), leniencyOf(name)),
          answer.text,
        ).toEqual([])
      } else expect(answer.text).toBe(response.text)
    })
  }

  it('is the whole recording', () => {
    expect(exchanges).toHaveLength(70)
    expect(bodyOf('19-upsert')).toBeDefined()
  })
})

function leniencyOf(name: string): Leniency {
  // The order of payloads' keys is that of a hash map in the recording.
  const payloads = /\.payload$|\[\]\.payload$/
  if (!name.includes('telemetry')) return { unordered: payloads }
  return {
    anyText: /\.system\.(?:distribution|distribution_version|cpu_flags)$/,
    maps: /\.(?:responses|collection_data|replicate_states|peers|peer_metadata)$/,
    nullable: /\.shards\[\]\.local$|\.quantization_config$/,
    optional: /\.(?:searches|updates)\.(?:fail_count|(?:avg|min|max)_duration_micros)$/,
    unordered: /./,
  }
}

/** Only told by nodes with a replica; which one gets the only shard of this collection is chance. */
const byChance = /^collection_(?:vectors|indexed_only_excluded_points)\{.*"tenants"/

/** Families in order, the names and labels of each one's samples as a set, without any value. */
function familiesOf(text: string): [family: string, samples: string[]][] {
  const families: [string, Set<string>][] = []
  for (const line of text.trimEnd().split('\n')) {
    if (line.startsWith('# HELP')) families.push([line, new Set()])
    else if (line.startsWith('#')) families.at(-1)![0] += `\n${line}`
    else if (!byChance.test(line))
      families.at(-1)![1].add(line.slice(0, line.lastIndexOf(' ')).replace(/peer_id="\d+"/, mask))
  }
  return families.map(([family, samples]) => [family, [...samples].toSorted()])
}
