/**
 * Another count of shards: a copy of the collection under a name of its own, verified, and then given the name
 * that callers use. Qdrant cannot change the count, nor a collection's name. Pure. docs/vector.md tells it whole.
 */
import { ExitCode, UserError } from '../../errors.ts'
import { type VectorGoal, type VectorPlan, type VectorStep, markOf, unfinishedSwitch } from './plan.ts'
import type { ClusterView, CollectionView } from './view.ts'

/** Of a collection that stands beside the one that is served: `docs--12`. */
export const copyName = (name: string, shards: number): string => `${name}--${shards}`

/** @param served what is behind the name that callers use; null: nothing */
export function planShardCount(
  view: ClusterView,
  goal: VectorGoal,
  served: CollectionView | null,
): VectorPlan {
  const { name, shards } = goal
  const waiting = served === null ? unfinishedSwitch(view, name) : null
  if (waiting !== null) {
    const because = `the old collection of that name is gone, and ${waiting.name} was verified before`
    return { steps: [givenName(name, waiting.name, because)], notes: [] }
  }
  if (served === null) return { steps: [], notes: [] }
  if (shards === null || shards === served.shards) return leftovers(view, goal, served)
  return copying(view, { ...goal, shards }, served)
}

type CountGoal = VectorGoal & { readonly shards: number }

function copying(view: ClusterView, goal: CountGoal, served: CollectionView): VectorPlan {
  const { name, shards, dropOld } = goal
  const to = copyName(name, shards)
  const begun = view.collections.find((one) => one.name === to)
  refuse(view, goal, served, begun)
  const because = `${name} has ${served.shards} shards, and ${shards} are asked for`
  const create: VectorStep = {
    kind: 'create-like',
    from: served.name,
    to,
    shards,
    what:
      begun === undefined
        ? `create collection ${to} like ${served.name}, with ${shards} shards`
        : `complete collection ${to}, its payload indexes`,
    because: begun === undefined ? because : `${to} was begun before`,
  }
  const copy: VectorStep = {
    kind: 'copy',
    from: served.name,
    to,
    what: `copy ${served.name} to ${to} until both hold the same points`,
    because: begun === undefined ? because : `${to} was begun before`,
  }
  // A node may have been lost during the copy: what serves now is as safe as it was until all are back.
  const settle: VectorStep = {
    kind: 'settle',
    collection: to,
    what: `wait until every copy of ${to} is whole`,
    because: `${served.name} is not given up before`,
  }
  // And however long that took, who wrote meanwhile wrote to what serves now.
  const verify: VectorStep = {
    kind: 'verify',
    from: served.name,
    to,
    what: `see that ${to} holds as many points as ${served.name}, and has its strict mode`,
    because: 'what was written since it was copied would be lost',
  }
  // Also when it was begun: a kill may have come before its payload indexes were made.
  const steps = [create, copy]
  const notes = stray(shards, view)
  if (served.name === name) {
    if (dropOld) return { steps: [...steps, settle, verify, ...replacing(name, to)], notes }
    const stay = `callers stay on ${name} with ${served.shards} shards: it has the name itself, which no alias can have besides`
    const cure = `--shards ${shards} --drop-old removes it once ${to} is the same, and gives ${to} the name; searches fail for the moment in between`
    return { steps, notes: [...notes, stay, cure] }
  }
  const turn: VectorStep = {
    kind: 'change-aliases',
    actions: [
      { delete_alias: { alias_name: name } },
      { create_alias: { collection_name: to, alias_name: name } },
    ],
    what: `let ${name} mean ${to} in place of ${served.name}`,
    because: 'both hold the same points',
  }
  return { steps: [...steps, settle, verify, turn, ...(dropOld ? [dropping(served.name)] : [])], notes }
}

/** The mark outlives a kill at any moment: whoever comes next knows that the copy was verified. */
function replacing(name: string, to: string): VectorStep[] {
  const mark: VectorStep = {
    kind: 'change-aliases',
    actions: [{ create_alias: { collection_name: to, alias_name: markOf(name) } }],
    what: `mark ${to} as the one that takes the name ${name}`,
    because: 'both hold the same points',
  }
  const drop: VectorStep = {
    kind: 'drop-collection',
    collection: name,
    what: `remove collection ${name}`,
    because: `--drop-old: an alias cannot have the name while a collection has it`,
  }
  return [mark, drop, givenName(name, to, `${to} holds all that ${name} held`)]
}

function givenName(name: string, to: string, because: string): VectorStep {
  return {
    kind: 'change-aliases',
    actions: [{ rename_alias: { old_alias_name: markOf(name), new_alias_name: name } }],
    what: `let ${name} mean ${to}`,
    because,
  }
}

/** What an earlier change of the count left beside the collection that is served. */
function leftovers(
  { collections }: ClusterView,
  { name, collection, dropOld }: VectorGoal,
  served: CollectionView,
): VectorPlan {
  const beside = collections
    .map((one) => one.name)
    .filter(
      (one) => one !== served.name && one.startsWith(`${name}--`) && /^\d+$/.test(one.slice(name.length + 2)),
    )
  const notes =
    collection === null || collection.shards === served.shards
      ? []
      : [
          `${name} has ${served.shards} shards and ragscale.yaml says ${collection.shards}: write shards: ${served.shards} there; --shards ${collection.shards} would copy it back`,
        ]
  if (dropOld) return { steps: beside.map(dropping), notes }
  return {
    steps: [],
    notes: [
      ...notes,
      ...beside.map((one) => `${one} stands beside ${served.name} and serves nobody: --drop-old removes it`),
    ],
  }
}

function dropping(collection: string): VectorStep {
  return {
    kind: 'drop-collection',
    collection,
    what: `remove collection ${collection}`,
    because: '--drop-old: nobody is served from it any more',
  }
}

function stray(shards: number, { peers }: ClusterView): string[] {
  if (shards % peers.length === 0) return []
  return [`${shards} shards on ${peers.length} nodes: some nodes hold one more than others`]
}

function refuse(
  { peers }: ClusterView,
  { shards, drain, collection }: CountGoal,
  served: CollectionView,
  begun: CollectionView | undefined,
): void {
  const never = (message: string, hint: string): never => {
    throw new UserError(message, { hint, exitCode: ExitCode.usage, code: 'vector' })
  }
  if (served.shardKeys) {
    never(
      `${served.name} puts points on shards by keys of yours, so nobody else can place them anew`,
      'Make the other collection and its shard keys yourself.',
    )
  }
  const staying = peers.filter(({ name, id }) => !drain.includes(name) && !drain.includes(id)).length
  const replication = collection?.replication ?? served.replication ?? 1
  if (begun === undefined && replication > staying) {
    never(
      `${served.name} asks for ${replication} copies of each shard, and a copy of it on ${staying} ${staying === 1 ? 'node' : 'nodes'} would have fewer`,
      'Add nodes, or lower its replication first: Qdrant makes fewer copies than are asked for, and says nothing.',
    )
  }
  if (begun !== undefined && begun.shards !== shards) {
    never(
      `a collection ${begun.name} exists, and has ${begun.shards} shards`,
      'It is not a copy of ours. Remove it, or choose another count.',
    )
  }
}
