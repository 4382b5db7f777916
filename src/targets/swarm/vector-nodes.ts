/** The nodes of a Qdrant cluster by their own addresses, and what is to be known of one before it goes. */
import { ExitCode, UserError } from '../../errors.ts'
import type { NodeAddress } from '../qdrant/call.ts'
import type { Topology } from '../qdrant/cluster.ts'
import type { FoundService, FoundSwarm } from './found.ts'
import { replicasIn } from './tasks.ts'

/** Of a Qdrant node, and of an emulator in its place. */
const httpPort = 6333
const peerPort = 6335

/** Those on the engine's own node, where their addresses lead there; all of them in a swarm of one. */
export function vectorNodes(swarm: FoundSwarm, addresses: ReadonlyMap<string, string>): NodeAddress[] {
  return replicasIn(swarm, [])
    .filter(({ tier, task, state }) => tier === 'vector' && task.state === 'running' && state === 'healthy')
    .flatMap(({ service, task }) => {
      const address = task.container === null ? undefined : addresses.get(task.container)
      if (address === undefined || !/^vector-\d+$/.test(service)) return []
      return [
        { name: service, url: `http://${address}:${httpPort}`, peerUrl: `http://${service}:${peerPort}` },
      ]
    })
}

/**
 * Of nodes that are to be stopped none may hold what no other has been given.
 * @param topology null where no node could be asked
 * @throws UserError (exit 4), with the command that empties a node
 */
export function refuseHolders(leaving: readonly FoundService[], topology: Topology | null): void {
  const nodes = leaving.map(({ name }) => name).filter((name) => /^vector-\d+$/.test(name))
  const held = (node: string): number => topology?.copies.filter((copy) => copy.node === node).length ?? 0
  const holders = nodes.filter((node) => topology === null || held(node) > 0)
  const [first] = holders
  if (first === undefined) return
  const says =
    topology === null
      ? `nobody can tell whether ${first} holds shards: no node of the cluster could be asked from here`
      : `${first} holds ${held(first)} ${held(first) === 1 ? 'shard' : 'shards'}, which would go with it`
  throw new UserError(says, {
    hint: holders
      .map((node) => `ragscale vector apply --drain ${node}   moves its shards to the other nodes`)
      .join('\n'),
    exitCode: ExitCode.unhealthy,
    code: 'shards',
  })
}
