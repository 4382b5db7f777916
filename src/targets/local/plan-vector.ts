/** Where shards have to go when nodes come, go, or are asked to hold more copies. Pure. */
import type { WantedProcess } from '../../supervision.ts'
import { place, whenArrived } from '../qdrant/placement.ts'
import { onlyCopies, refuseNameless, unknownShards } from '../qdrant/refusals.ts'
import { describeMove } from '../qdrant/transfer.ts'
import type { Places } from './places.ts'
import type { LocalObserved, PlannedStep } from './steps.ts'

export interface ShardSteps {
  /** One after another, before nodes are stopped. */
  readonly before: readonly PlannedStep[][]
  readonly after: readonly PlannedStep[][]
}

interface VectorGoal {
  readonly wanted: readonly WantedProcess[]
  readonly replication: Readonly<Record<string, number>>
}

export function planShards(
  goal: VectorGoal,
  leaving: readonly WantedProcess[],
  { vector }: LocalObserved,
  places: Places,
): ShardSteps {
  const nodes = nodesIn(goal.wanted)
  const going = nodesIn(leaving)
  // A tier that is given up as a whole keeps its data for the day that it comes back.
  if (nodes.length === 0) return { before: [], after: [] }
  if (vector.topology === null) {
    if (going.length > 0) throw unknownShards(going)
    return { before: [], after: [] }
  }
  refuseNameless(going, vector.topology)
  const { peers, copies, arrivals } = vector.topology
  const known = whenArrived(copies, arrivals).filter(({ node }) => node in peers)
  const { moves, losses } = place(known, { nodes, replication: goal.replication })
  if (losses.length > 0) throw onlyCopies(going, losses)
  return {
    before: [
      ...moves.map((move): PlannedStep[] => [
        { kind: 'shard', move, what: describeMove(move), because: move.because, tier: 'vector' },
      ]),
      ...going.map((node): PlannedStep[] => [
        {
          kind: 'remove-peer',
          node,
          what: `take ${node} out of the cluster`,
          because: `${node} leaves`,
          tier: 'vector',
        },
      ]),
    ],
    after: [
      going.map((node) => ({
        kind: 'remove',
        path: `${places.data}/${node}`,
        what: `remove what ${node} stored`,
        because: 'the other nodes hold all of it',
        tier: 'vector',
      })),
    ],
  }
}

function nodesIn(processes: readonly WantedProcess[]): string[] {
  return processes.filter(({ tier, replica }) => tier === 'vector' && replica !== null).map(({ id }) => id)
}
