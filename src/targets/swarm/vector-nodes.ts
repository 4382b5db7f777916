/** The nodes of a Qdrant cluster by their own addresses, and what they hold. */
import type { NodeAddress } from '../qdrant/call.ts'
import { type Member, type Topology, readTopology } from '../qdrant/cluster.ts'
import type { FoundSwarm } from './found.ts'
import { replicasIn } from './tasks.ts'

/** Of a Qdrant node, and of an emulator in its place. */
const httpPort = 6333
const peerPort = 6335
const topologyMs = 3_000

/** Those on the engine's own node, where their addresses lead there; all of them in a swarm of one. */
export function vectorNodes(swarm: FoundSwarm, addresses: ReadonlyMap<string, string>): NodeAddress[] {
  return replicasIn(swarm, [])
    .filter(({ tier, task, state }) => tier === 'vector' && task.state === 'running' && state === 'healthy')
    .flatMap(({ service, task }) => {
      const address = task.container === null ? undefined : addresses.get(task.container)
      if (address === undefined || !isVectorNode(service)) return []
      return [{ ...memberOf(service), url: `http://${address}:${httpPort}` }]
    })
}

export function isVectorNode(service: string): boolean {
  return /^vector-\d+$/.test(service)
}

const memberOf = (name: string): Member => ({ name, peerUrl: `http://${name}:${peerPort}` })

/**
 * Who holds which shard, by the names of services, wherever in the swarm they run; null where nobody could be asked.
 * @param asked nodes, or the tier's endpoint where no node can be asked by itself
 */
export async function readShards(
  { services }: FoundSwarm,
  asked: readonly NodeAddress[],
): Promise<Topology | null> {
  if (asked.length === 0) return null
  const members = services.filter(({ name }) => isVectorNode(name)).map(({ name }) => memberOf(name))
  return await readTopology(asked, topologyMs, members).catch(() => null)
}
