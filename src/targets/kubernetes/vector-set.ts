/** The StatefulSet of a Qdrant cluster: nodes that are to go, and volume claims of nodes that went. Pure. */
import type { Topology } from '../qdrant/cluster.ts'
import { refuseMembers } from '../qdrant/refusals.ts'
import { workloadOf } from './change-words.ts'
import type { Running } from './cluster.ts'
import type { Controller, KubeObject } from './objects.ts'
import type { KubernetesObserved, KubernetesStep } from './steps.ts'

export interface VectorSet {
  readonly name: string
  readonly replicas: number
}

/** Null where there is none: vectors are kept elsewhere, or nowhere. */
export function vectorSetIn(objects: readonly KubeObject[]): VectorSet | null {
  const set = objects.find((object) => object.kind === 'StatefulSet' && workloadOf(object) === 'vector')
  if (set === undefined) return null
  return { name: set.metadata.name, replicas: (set as Controller).spec.replicas ?? 1 }
}

interface Going {
  /** Names of nodes that run and are wanted no longer. */
  readonly leaving: readonly string[]
  /** Of those that run, and are wanted. */
  readonly staying: readonly string[]
  /** Volume claims of nodes that leave, and of those that went before. */
  readonly claims: readonly { readonly name: string; readonly node: string; readonly idle: boolean }[]
}

/** A tier that is given up as a whole keeps its data for the day that it comes back; so does one that does not run. */
export function goingOf(
  { controllers, claims }: Pick<Running, 'controllers' | 'claims'>,
  wanted: readonly KubeObject[],
): Going {
  const now = vectorSetIn(controllers)
  const then = vectorSetIn(wanted)
  if (now === null || then === null || now.replicas === 0 || then.replicas === 0)
    return { leaving: [], staying: [], claims: [] }
  const surplus = Math.max(0, now.replicas - then.replicas)
  const kept = Math.min(now.replicas, then.replicas)
  const ends = new RegExp(`-${now.name}-(\\d+)$`)
  return {
    leaving: Array.from({ length: surplus }, (_, index) => nodeOf(then.replicas + index)),
    staying: Array.from({ length: kept }, (_, index) => nodeOf(index)),
    claims: claims.flatMap(({ metadata: { name } }) => {
      const ordinal = Number(ends.exec(name)?.[1] ?? -1)
      return ordinal < kept ? [] : [{ name, node: nodeOf(ordinal), idle: ordinal >= now.replicas }]
    }),
  }
}

const nodeOf = (ordinal: number): string => `vector-${ordinal + 1}`

/** Whether it has to be known where shards are, before anything is planned. */
export function asksForShards(...args: Parameters<typeof goingOf>): boolean {
  const { leaving, claims } = goingOf(...args)
  return leaving.length + claims.length > 0
}

export interface ClaimSteps {
  /** Before pods that would come back with what is stored there. */
  readonly before: readonly KubernetesStep[]
  /** Once the nodes are told to go: a claim is held until its pod has ended. */
  readonly after: readonly KubernetesStep[]
}

/**
 * What a node stored that was taken out of its cluster keeps it from joining again (qdrant/qdrant#1795), and the
 * others hold all of it.
 * @throws UserError (exit 4) where a node is to go that holds shards, or nobody can tell
 */
export function planVectorSet(
  { found, shards, place }: Pick<KubernetesObserved, 'found' | 'shards' | 'place'>,
  wanted: readonly KubeObject[],
): ClaimSteps {
  const { leaving, claims, staying } = goingOf(found, wanted)
  refuseMembers(leaving, shards)
  const removals = (idle: boolean) =>
    claims
      .filter((claim) => claim.idle === idle && isOut(claim.node, staying, shards))
      .map(({ name, node }): KubernetesStep => ({
        kind: 'delete',
        objects: [`persistentvolumeclaim/${name}`],
        place,
        what: `remove volume claim ${name}`,
        because: `${node} is in the cluster no longer, and the other nodes hold what it stored`,
        tier: 'vector',
      }))
  return { before: removals(true), after: removals(false) }
}

/** As somebody says who knows all that stay, and by name all who hold shards: whoever has just begun knows nobody. */
function isOut(node: string, staying: readonly string[], shards: Topology | null): boolean {
  if (shards === null || node in shards.peers) return false
  const holders = shards.copies.map((copy) => copy.node)
  return [...staying, ...holders].every((name) => name in shards.peers)
}
