/** Why nodes of a cluster may not go. */
import { ExitCode, UserError } from '../../errors.ts'
import type { Topology } from './cluster.ts'

export function unknownShards(leaving: readonly string[]): UserError {
  return new UserError(`no vector node answers, so nobody can tell what ${leaving.join(' and ')} hold`, {
    hint: 'ragscale status shows why; nothing was changed, and no data is lost',
    exitCode: ExitCode.unhealthy,
    code: 'unhealthy',
  })
}

/** @param losses what would be without an active copy, in words */
export function onlyCopies(leaving: readonly string[], losses: readonly string[]): UserError {
  return new UserError(
    `${leaving.join(' and ')} cannot go: the only good copy would be lost of ${losses.join(', ')}`,
    {
      hint: 'Wait until every node is healthy and holds its shards, then try again; nothing was changed.',
      exitCode: ExitCode.unhealthy,
      code: 'unhealthy',
    },
  )
}

/**
 * One that does not run answers to no name, and what it stored is all that there may be of a shard.
 * @param leaving names of nodes that are to go, with what they stored
 * @throws UserError (exit 4) where shards are on a node without a name: it may be one of these
 */
export function refuseNameless(leaving: readonly string[], { peers, copies }: Topology): void {
  const nameless = copies.filter(({ node }) => !(node in peers))
  if (leaving.length === 0 || nameless.length === 0) return
  const shards = new Set(nameless.map(({ shard, collection }) => `shard ${shard} of ${collection}`))
  throw new UserError(
    `${leaving.join(' and ')} cannot go: ${[...shards].join(', ')} ${shards.size === 1 ? 'is' : 'are'} on a node that does not answer, which may be ${leaving.length === 1 ? 'this one' : 'one of these'}`,
    {
      hint: 'Let it run again (ragscale status shows why it does not), then the same command goes on; nothing was changed. Gone for good: ragscale vector status shows its name, ragscale vector apply --drain NAME gives it up.',
      exitCode: ExitCode.unhealthy,
      code: 'shards',
    },
  )
}

/**
 * Of nodes that are to be stopped none may hold what no other has been given, nor be counted on by the others: of too
 * many that are gone they could not agree on anything any more.
 * @param leaving their names
 * @param found null where no node could be asked; one that holds shards under no known name may be any of them
 * @throws UserError (exit 4), with the command that empties a node and takes it out
 */
export function refuseMembers(leaving: readonly string[], found: Topology | null): void {
  const topology = found?.copies.every(({ node }) => node in found.peers) === true ? found : null
  const held = (node: string): number => topology?.copies.filter((copy) => copy.node === node).length ?? 0
  const members = leaving.filter((node) => topology === null || held(node) > 0 || node in topology.peers)
  const [first] = members
  if (first === undefined) return
  throw new UserError(whyNot(first, topology === null ? null : held(first)), {
    hint: members
      .map(
        (node) => `ragscale vector apply --drain ${node}   ${effect(topology === null ? null : held(node))}`,
      )
      .join('\n'),
    exitCode: ExitCode.unhealthy,
    code: 'shards',
  })
}

function whyNot(node: string, held: number | null): string {
  if (held === null)
    return `nobody can tell whether ${node} holds shards: no node of the cluster could be asked from here`
  if (held === 0)
    return `${node} holds no shard, but is in the cluster, whose other nodes would go on counting on it`
  return `${node} holds ${held} ${held === 1 ? 'shard' : 'shards'}, which would go with it`
}

function effect(held: number | null): string {
  return held === 0 ? 'takes it out' : 'moves its shards to the other nodes, and takes it out'
}
