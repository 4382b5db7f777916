/** How the steps of a plan ask a cluster: whichever node answers, for as long as nodes may be lost. */
import { type NodeAddress, call, persistently } from './call.ts'
import type { CopyProgress } from './copy.ts'

export interface VectorExecution {
  /** Nodes that stay. */
  readonly nodes: readonly NodeAddress[]
  /** Of one step. */
  readonly timeoutMs: number
  readonly throttle: number | null
  readonly signal: AbortSignal
  readonly onCopy: (progress: CopyProgress) => void
  /** What is waited for meanwhile, in sentences. */
  readonly onNotice: (text: string) => void
  /** What a peer is called. */
  readonly nameOf: (peer: string) => string
  /** Peers that do not answer now. */
  readonly down: () => Promise<ReadonlySet<string>>
}

/** How long the nodes may take to agree on a change, s and ms. */
const agreeSeconds = 60
export const agreeMs = 70_000
/** A node that is lost is back, or its shards are served by others, within this. */
export const patienceMs = 60_000

/** Of whichever node answers, for as long as nodes are lost or choose a leader: a call that may be made twice. */
export async function ask<T>(
  { nodes, signal, onNotice }: VectorExecution,
  asking: (node: NodeAddress) => Promise<T>,
): Promise<T> {
  return await persistently(nodes, asking, { patienceMs, signal, onNotice })
}

export async function agreed(
  method: 'PUT' | 'POST' | 'PATCH' | 'DELETE',
  path: string,
  body: string | undefined,
  run: VectorExecution,
): Promise<void> {
  const options = { timeoutMs: agreeMs, ...(body === undefined ? {} : { body }) }
  await ask(run, async (node) => await call(node, method, `${path}?timeout=${agreeSeconds}`, options))
}

export const pathOf = (collection: string): string => `/collections/${encodeURIComponent(collection)}`
