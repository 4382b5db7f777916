/** The nodes of a Qdrant cluster in an engine's network, and where their shards are. */
import { secretNames } from '../../catalog/secrets.ts'
import type { Stack } from '../../stack/stack.ts'
import type { FoundContainer } from '../docker/containers.ts'
import type { Engine } from '../docker/engine.ts'
import type { NodeAddress } from '../qdrant/call.ts'
import { type Member, type Topology, readTopology } from '../qdrant/cluster.ts'
import { identityOf } from './found.ts'
import type { Places } from './places.ts'
import { addressOf } from './sampled.ts'
import { readSecret } from './secret-files.ts'
import type { WantedService } from './wanted.ts'

/** Of a Qdrant node, and of an emulator in its place. */
const httpPort = 6333
const peerPort = 6335
const topologyMs = 3_000

/** The nodes that can be asked, healthy ones first; none where the engine is on another machine. */
export function vectorNodes(
  containers: readonly FoundContainer[],
  engine: Pick<Engine, 'place'>,
): NodeAddress[] {
  return containers
    .filter((one) => identityOf(one).workload === 'vector' && one.status === 'running')
    .toSorted((a, b) => Number(b.health === 'healthy') - Number(a.health === 'healthy'))
    .flatMap((one) => {
      const { name } = identityOf(one)
      const address = addressOf(one, engine)
      if (address === null) return []
      return [{ name, url: `http://${address}:${httpPort}`, peerUrl: `http://${name}:${peerPort}` }]
    })
}

/** The key that the stack's Qdrant asks for; null: none. */
export async function vectorKey(stack: Stack, { secrets }: Places): Promise<string | null> {
  if (stack.rehearse || stack.tiers.vector === undefined) return null
  return await readSecret(secrets, secretNames.vectorKey)
}

export function keyed(nodes: readonly NodeAddress[], key: string | null): NodeAddress[] {
  return nodes.map((node) => (key === null ? node : { ...node, headers: { 'api-key': key } }))
}

/**
 * Also those that are wanted and do not run: what they hold is held by somebody who comes back. One that is to go and
 * does not run stays without a name: nothing is moved off it, and it does not go (`refuseNameless`).
 */
export function vectorMembers(
  containers: readonly FoundContainer[],
  wanted: readonly Pick<WantedService, 'name' | 'workload' | 'job'>[],
): Member[] {
  const running = containers.filter(({ status }) => status === 'running').map(identityOf)
  const nodes = [...wanted.filter(({ job }) => !job), ...running].filter(
    ({ workload }) => workload === 'vector',
  )
  return [...new Set(nodes.map(({ name }) => name))].map((name) => ({
    name,
    peerUrl: `http://${name}:${peerPort}`,
  }))
}

/** Null when no node can be asked. */
export async function topologyOfNodes(
  nodes: readonly NodeAddress[],
  members: readonly Member[],
): Promise<Topology | null> {
  return nodes.length === 0 ? null : await readTopology(nodes, topologyMs, members).catch(() => null)
}
