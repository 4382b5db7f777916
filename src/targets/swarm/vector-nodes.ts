/** The nodes of a Qdrant cluster by their own addresses. */
import type { NodeAddress } from '../qdrant/call.ts'
import type { FoundSwarm } from './found.ts'
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
