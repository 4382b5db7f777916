/** The nodes of a release's Qdrant cluster, each through a forwarded port of its own pod. */
import { secretNames } from '../../catalog/secrets.ts'
import type { Stack } from '../../stack/stack.ts'
import type { NodeAddress } from '../qdrant/call.ts'
import { type Topology, readTopology } from '../qdrant/cluster.ts'
import type { Cluster, Running } from './cluster.ts'
import type { KubeObject } from './objects.ts'
import type { Place } from './place.ts'
import { forwardPatiently } from './port-forward.ts'
import type { Programs } from './programs.ts'
import { secretNameIn } from './secrets.ts'
import { type VectorSet, vectorSetIn } from './vector-set.ts'

/** Of a Qdrant node, and of an emulator in its place. */
const httpPort = 6333
const peerPort = 6335
const topologyMs = 3_000

/** Held open until it is closed; a pod that is replaced is found again. */
export interface ForwardedNodes {
  readonly nodes: readonly NodeAddress[]
  close(): Promise<void>
}

/**
 * Not through the tier's Service: nodes differ in what they know, and one that was taken out of the cluster is among
 * those that a Service sends to. Null where the release has no such cluster of its own.
 */
export async function forwardNodes(
  found: Pick<Running, 'controllers'>,
  place: Place,
  programs: Programs,
): Promise<ForwardedNodes | null> {
  const set = vectorSetIn(found.controllers)
  if (set === null || set.replicas === 0) return null
  const opened = await Promise.all(
    Array.from({ length: set.replicas }, async (_, ordinal) => {
      const forwarded = await forwardPatiently(`pod/${set.name}-${ordinal}`, httpPort, place, programs)
      return { ordinal, forwarded }
    }),
  )
  return {
    nodes: opened.map(({ ordinal, forwarded }) =>
      addressOf(set, ordinal, forwarded.ports.get(httpPort) ?? 0),
    ),
    close: async () => {
      await Promise.all(opened.map(async ({ forwarded }) => await forwarded.close()))
    },
  }
}

function addressOf({ name }: VectorSet, ordinal: number, port: number): NodeAddress {
  return {
    name: `vector-${ordinal + 1}`,
    url: `http://127.0.0.1:${port}`,
    peerUrl: `http://${name}-${ordinal}.${name}-peers:${peerPort}`,
  }
}

/** Where the cluster has its shards now; null where no node could be asked. */
export async function readShards(
  found: Pick<Running, 'controllers'>,
  key: string | null,
  place: Place,
  programs: Programs,
): Promise<Topology | null> {
  const forwarded = await forwardNodes(found, place, programs)
  if (forwarded === null) return null
  try {
    const headers = key === null ? {} : { headers: { 'api-key': key } }
    const nodes = forwarded.nodes.map((node) => ({ ...node, ...headers }))
    return await readTopology(nodes, topologyMs).catch(() => null)
  } finally {
    await forwarded.close()
  }
}

/** The key that the stack's Qdrant asks for, as the release's Secret has it; null: none. */
export async function vectorKey(
  stack: Stack,
  deployed: readonly KubeObject[],
  cluster: Cluster,
): Promise<string | null> {
  if (stack.rehearse || stack.tiers.vector?.component !== 'qdrant') return null
  const secret = secretNameIn(deployed)
  return secret === null ? null : await cluster.secretValue(secret, secretNames.vectorKey)
}
