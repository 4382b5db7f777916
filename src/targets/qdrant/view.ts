/** A Qdrant cluster as all of its nodes together show it. */
import { z } from 'zod'
import { ExitCode, UserError, messageOf } from '../../errors.ts'
import { type NodeAddress, Refused, answered, call, callText, firstOf } from './call.ts'
import { byRaft } from './cluster.ts'

export interface PeerView {
  /** Exceeds 2^53, so it is text. */
  readonly id: string
  /** As its target calls it; else the host of its URI. */
  readonly name: string
  readonly uri: string
  /** Whether it answers; of a peer whose REST is not known, whether the others reach it. */
  readonly up: boolean
  /** Bytes of memory that are resident, by its metrics; null where it cannot be asked. */
  readonly memoryBytes: number | null
}

export interface CopyView {
  readonly shard: number
  readonly peer: string
  /** `Active`, `Dead`, `Partial`, `Recovery` …, in Qdrant's words. */
  readonly state: string
  /** Null where the peer cannot be asked. */
  readonly points: number | null
}

export interface TransferView {
  readonly shard: number
  readonly from: string
  readonly to: string
  readonly method: string
  readonly comment: string
}

export interface CollectionView {
  readonly name: string
  readonly aliases: readonly string[]
  readonly shards: number
  /** Copies of each shard that its own configuration asks for; null while a shard cannot be read, for then it is not told. */
  readonly replication: number | null
  /** Whether points are put on shards by keys of the user's: such a collection is copied by nobody else. */
  readonly shardKeys: boolean
  readonly copies: readonly CopyView[]
  readonly transfers: readonly TransferView[]
}

export interface ClusterView {
  readonly raft: {
    readonly term: number
    readonly commit: number
    readonly pending: number
    /** Null while there is none: then nothing can be changed. */
    readonly leader: string | null
  }
  readonly peers: readonly PeerView[]
  readonly collections: readonly CollectionView[]
}

const id = z.coerce.string()
/** Raft has no peer 0: Qdrant tells a follower that knows of no leader, or a candidate, as one that follows it. */
const leaderId = id.nullish().transform((leader) => (leader === '0' ? null : (leader ?? null)))
const clusterAnswer = z.object({
  result: z.discriminatedUnion('status', [
    z.object({ status: z.literal('disabled') }),
    z.object({
      status: z.literal('enabled'),
      peer_id: id,
      peers: z.record(z.string(), z.object({ uri: z.string() })),
      raft_info: z.object({
        term: z.number(),
        commit: z.number(),
        pending_operations: z.number(),
        leader: leaderId,
      }),
      message_send_failures: z.record(z.string(), z.unknown()).default({}),
    }),
  ]),
})
const namesAnswer = z.object({ result: z.object({ collections: z.array(z.object({ name: z.string() })) }) })
const aliasesAnswer = z.object({
  result: z.object({ aliases: z.array(z.object({ alias_name: z.string(), collection_name: z.string() })) }),
})
const infoAnswer = z.object({
  result: z.object({
    config: z.object({
      params: z.object({ replication_factor: z.number().nullish(), sharding_method: z.string().nullish() }),
    }),
  }),
})
const shardsAnswer = z.object({
  result: z.object({
    peer_id: id,
    shard_count: z.number(),
    local_shards: z.array(z.object({ shard_id: z.number(), points_count: z.number(), state: z.string() })),
    remote_shards: z.array(z.object({ shard_id: z.number(), peer_id: id, state: z.string() })),
    shard_transfers: z.array(
      z.object({
        shard_id: z.number(),
        from: id,
        to: id,
        method: z.string().nullish(),
        comment: z.string().nullish(),
      }),
    ),
  }),
})

type Member = Extract<z.output<typeof clusterAnswer>['result'], { status: 'enabled' }>
interface Asked {
  readonly node: NodeAddress
  readonly member: Member
}

/**
 * @param named whether each address is one node; false where an address is a balancer before all of them
 * @throws UserError (exit 4) when no node answers; (exit 2) when the Qdrant is no cluster
 */
export async function readCluster(nodes: readonly NodeAddress[], named: boolean): Promise<ClusterView> {
  const { newest, members } = await readMembers(nodes)
  const { raft_info: raft } = newest.member
  try {
    const collections = await readCollections(newest.node, named ? members : [newest])
    return {
      raft: {
        term: raft.term,
        commit: raft.commit,
        pending: raft.pending_operations,
        leader: raft.leader,
      },
      peers: await readPeers(newest.member, members, nodes, named),
      collections,
    }
  } catch (error) {
    throw unreachable([messageOf(error)])
  }
}

/** Ids of the peers that do not answer. Throws as `readCluster` does. */
export async function downPeers(nodes: readonly NodeAddress[], named: boolean): Promise<ReadonlySet<string>> {
  const { newest, members } = await readMembers(nodes)
  const down = Object.entries(newest.member.peers).filter(
    ([peer, { uri }]) => !isUp(peer, uri, newest.member, members, named),
  )
  return new Set(down.map(([peer]) => peer))
}

function isUp(peer: string, uri: string, newest: Member, members: readonly Asked[], named: boolean): boolean {
  return named
    ? members.some(({ member }) => member.peer_id === peer)
    : !(uri in newest.message_send_failures)
}

async function readMembers(nodes: readonly NodeAddress[]): Promise<{ newest: Asked; members: Asked[] }> {
  const { asked, failures } = await askMembers(nodes)
  const [newest] = asked.toSorted((a, b) => byRaft(a.member.raft_info, b.member.raft_info))
  if (newest === undefined) throw unreachable(failures)
  return { newest, members: asked.filter(({ member }) => member.peer_id in newest.member.peers) }
}

async function askMembers(nodes: readonly NodeAddress[]): Promise<{ asked: Asked[]; failures: string[] }> {
  const failures: string[] = []
  const answers = await Promise.all(
    nodes.map(async (node) => {
      try {
        const { result } = answered(clusterAnswer, await call(node, 'GET', '/cluster', { timeoutMs: 3_000 }))
        return { node, result }
      } catch (error) {
        failures.push(messageOf(error))
        return null
      }
    }),
  )
  const asked = answers.flatMap((answer) => {
    if (answer === null) return []
    if (answer.result.status === 'enabled') return [{ node: answer.node, member: answer.result }]
    throw new UserError(`the Qdrant at ${answer.node.url} is a single node, not a cluster`, {
      hint: 'A stack of one node needs no shards moved; a cluster has QDRANT__CLUSTER__ENABLED=true.',
      exitCode: ExitCode.usage,
      code: 'no-cluster',
    })
  })
  return { asked, failures }
}

async function readPeers(
  newest: Member,
  members: readonly Asked[],
  nodes: readonly NodeAddress[],
  named: boolean,
): Promise<PeerView[]> {
  const hosts = Object.values(newest.peers).map(({ uri }) => new URL(uri).hostname)
  const peers = await Promise.all(
    Object.entries(newest.peers).map(async ([peer, { uri }]) => {
      const own = named ? members.find(({ member }) => member.peer_id === peer)?.node : undefined
      const { hostname, host } = new URL(uri)
      const told = hosts.filter((one) => one === hostname).length === 1 ? hostname : host
      // One that does not answer is known by where the others reach it.
      const known = nodes.find(({ peerUrl }) => peerUrl !== null && new URL(peerUrl).host === host)
      return {
        id: peer,
        name: own?.name ?? known?.name ?? told,
        uri,
        up: isUp(peer, uri, newest, members, named),
        memoryBytes: own === undefined ? null : await memoryOf(own),
      }
    }),
  )
  return peers.toSorted((a, b) => a.name.localeCompare(b.name, 'en', { numeric: true }))
}

async function memoryOf(node: NodeAddress): Promise<number | null> {
  const text = await callText(node, 'GET', '/metrics').catch(() => '')
  const value = /^memory_resident_bytes(?:\{[^}]*\})? (\d+(?:\.\d+)?)$/m.exec(text)?.[1]
  return value === undefined ? null : Number(value)
}

async function readCollections(newest: NodeAddress, members: readonly Asked[]): Promise<CollectionView[]> {
  const listed = answered(namesAnswer, await call(newest, 'GET', '/collections'))
  const { aliases } = answered(aliasesAnswer, await call(newest, 'GET', '/aliases')).result
  const nodes = members.map(({ node }) => node)
  return await Promise.all(
    listed.result.collections
      .map(({ name }) => name)
      .toSorted()
      .map(async (name) => ({
        name,
        aliases: aliases.flatMap((one) => (one.collection_name === name ? [one.alias_name] : [])),
        ...(await readShards(newest, nodes, name)),
      })),
  )
}

async function readShards(newest: NodeAddress, nodes: readonly NodeAddress[], name: string) {
  const path = `/collections/${encodeURIComponent(name)}`
  const shardsOn = async (node: NodeAddress) =>
    answered(shardsAnswer, await call(node, 'GET', `${path}/cluster`)).result
  const seen = await shardsOn(newest)
  const params = await paramsOf([newest, ...nodes], path)
  // Points are told of a node's own copies only.
  const points = new Map<string, number>()
  for (const own of [
    seen,
    ...(await Promise.all(nodes.map(async (node) => await shardsOn(node).catch(() => null)))),
  ])
    for (const { shard_id: shard, points_count: count } of own?.local_shards ?? [])
      points.set(`${own?.peer_id}/${shard}`, count)
  const all = [
    ...seen.local_shards.map((copy) => ({ ...copy, peer_id: seen.peer_id })),
    ...seen.remote_shards,
  ]
  return {
    shards: seen.shard_count,
    replication: params === null ? null : (params.replication_factor ?? 1),
    shardKeys: params?.sharding_method === 'custom',
    copies: all
      .map(({ shard_id: shard, peer_id: peer, state }) => ({
        shard,
        peer,
        state,
        points: points.get(`${peer}/${shard}`) ?? null,
      }))
      .toSorted((a, b) => a.shard - b.shard || (a.peer < b.peer ? -1 : 1)),
    transfers: seen.shard_transfers.map(({ shard_id: shard, from, to, method, comment }) => ({
      shard,
      from,
      to,
      method: method ?? '',
      comment: comment ?? '',
    })),
  }
}

/** Null where Qdrant does not say: it counts points for it, of every shard, and one may be nowhere. */
async function paramsOf(nodes: readonly NodeAddress[], path: string) {
  try {
    const answer = await firstOf(nodes, async (node) => await call(node, 'GET', path))
    return answered(infoAnswer, answer).result.config.params
  } catch (error) {
    if (error instanceof Refused && error.status >= 500) return null
    throw error
  }
}

function unreachable(failures: readonly string[]): UserError {
  return new UserError(`no vector node could be asked: ${[...new Set(failures)].join('; ')}`, {
    hint: 'ragscale status shows what runs',
    exitCode: ExitCode.unhealthy,
    code: 'unhealthy',
  })
}

/** What is not as it should be, in sentences; empty when all is well. */
export function troublesOf({ raft, peers, collections }: ClusterView): string[] {
  const nameOf = (peer: string) => peers.find(({ id }) => id === peer)?.name ?? `peer ${peer}`
  return [
    ...(raft.leader === null ? ['the cluster has no leader: nothing can be changed'] : []),
    ...peers.filter(({ up }) => !up).map(({ name }) => `${name} does not answer`),
    ...collections.flatMap(({ name, copies }) =>
      [...Map.groupBy(copies, ({ shard }) => shard)].flatMap(([shard, its]) => {
        const bad = its.filter(({ state }) => state !== 'Active')
        const isUp = (id: string) => peers.some((peer) => peer.id === id && peer.up)
        if (bad.length === 0) {
          if (its.some(({ peer }) => isUp(peer))) return []
          return [
            `shard ${shard} of ${name} cannot be searched: it is on ${its.map(({ peer }) => nameOf(peer)).join(' and ')} alone`,
          ]
        }
        const where = bad.map(({ peer, state }) => `${state} on ${nameOf(peer)}`).join(', ')
        const none = bad.length === its.length ? ', and no copy of it is active' : ''
        return [`shard ${shard} of ${name} is ${where}${none}`]
      }),
    ),
  ]
}
