/** Where shards have to go when nodes go, or are asked to hold more copies. Pure. */
import { place, whenArrived } from '../qdrant/placement.ts'
import { onlyCopies, refuseNameless, unknownShards } from '../qdrant/refusals.ts'
import { describeMove } from '../qdrant/transfer.ts'
import type { ComposeObserved, PlannedStep } from './steps.ts'

export interface ShardSteps {
  /** One after another, before nodes are stopped. */
  readonly before: readonly PlannedStep[][]
  /** What nodes that are gone have stored, which the others hold. */
  readonly after: readonly PlannedStep[]
}

/**
 * @param leaving names of nodes that run and are not wanted
 * @throws UserError (exit 4) when a node is to go and nobody can tell what it holds, or it holds the only copy
 */
export function planShards(
  { wanted, vector, volumes, replication }: ComposeObserved,
  leaving: readonly string[],
): ShardSteps {
  const nodes = wanted.filter(({ workload, job }) => workload === 'vector' && !job).map(({ name }) => name)
  // A tier that is given up as a whole keeps its data for the day that it comes back.
  if (nodes.length === 0) return { before: [], after: [] }
  if (vector === null) {
    if (leaving.length > 0) throw unknownShards(leaving)
    return { before: [], after: [] }
  }
  refuseNameless(leaving, vector)
  const { peers, copies, arrivals } = vector
  // A node that has not joined yet is given nothing.
  const joined = nodes.filter((node) => node in peers)
  const known = whenArrived(copies, arrivals).filter(({ node }) => node in peers)
  const { moves, losses } = place(known, { nodes: joined, replication })
  if (losses.length > 0) throw onlyCopies(leaving, losses)
  const ofNode = (node: string): string[] => {
    const number = node.slice(node.lastIndexOf('-') + 1)
    return volumes.filter((name) => new RegExp(`_vector-[a-z]+-${number}$`).test(name))
  }
  return {
    before: [
      ...moves.map((move): PlannedStep[] => [
        { kind: 'shard', move, what: describeMove(move), because: move.because, tier: 'vector' },
      ]),
      ...leaving
        .filter((node) => node in peers)
        .map((node): PlannedStep[] => [
          {
            kind: 'remove-peer',
            node,
            what: `take ${node} out of the cluster`,
            because: `${node} leaves`,
            tier: 'vector',
          },
        ]),
    ],
    after: leaving.flatMap((node) =>
      ofNode(node).map((name) => ({
        kind: 'remove-volume',
        name,
        what: `remove the volume ${name}`,
        because: `the other nodes hold all that ${node} stored`,
        tier: 'vector',
      })),
    ),
  }
}
