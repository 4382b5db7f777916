/** What to do to come from what is on the cluster to what is wanted. Pure. */
import { conflictsAmong, hasDrift } from '../../deployed/plan.ts'
import { refused } from '../../deployed/conflicts.ts'
import { UserError } from '../../errors.ts'
import { changeWords, groupWords, workloadOf } from './change-words.ts'
import { driftOf } from './drift.ts'
import { type ObjectChange, changesBetween, keyOf, objectsIn } from './manifest.ts'
import { type Controller, type KubeObject, isController, titleOf } from './objects.ts'
import { awaitedTiers } from './patience.ts'
import { assertSamePlace } from './last-place.ts'
import { placeWords } from './place.ts'
import { assertOurs, isPending, lastDeployed, latest } from './release.ts'
import { planSecret } from './secrets.ts'
import { standingOf } from './rollout-status.ts'
import type { KubernetesObserved, KubernetesStep } from './steps.ts'
import { planVectorSet } from './vector-set.ts'
import type { Wanted } from './wanted.ts'

export interface Goal {
  /** Whose word the counts are, for the causes: `ragscale.yaml`. */
  readonly by: string
  /** Whether `deploy/` is to be as the stack is: not for counts that the file does not say. */
  readonly writes: boolean
  readonly folder: string
  readonly nowMs: number
}

/** Helm takes no longer for a change that it does not wait for: one that is pending since then was cut off. */
const helmAtMostMs = 10 * 60_000

/**
 * @throws UserError: exit 1 where a user's edits or another's change are in the way; exit 2 where something is missing
 * that only they can give, or where kubectl is at another cluster than before; exit 4 where a node of Qdrant's is to go
 * that holds shards
 */
export function planUp(goal: Goal, observed: KubernetesObserved): KubernetesStep[] {
  const { wanted, place, last } = observed
  assertSamePlace(place, last)
  assertOurs(observed.release, place)
  if ('error' in wanted) throw wanted.error
  const conflicts = conflictsAmong(wanted.comparison.changes)
  if (conflicts.length > 0) {
    const where = { folder: wanted.comparison.folder, cwd: goal.folder }
    throw refused(conflicts, where, 'ragscale render')
  }
  const vector = planVectorSet(observed, wanted.objects)
  const before = [...written(goal, wanted), ...namespaced(observed), ...mended(goal, observed)]
  const secret = secretStep(wanted, observed)
  const cleared = clearedAway(observed)
  const release = released(goal, wanted, observed, cleared.removed)
  const doing = [...before, ...secret, ...cleared.steps, ...vector.before, ...release, ...vector.after]
  return [...doing, ...awaited(goal, wanted, observed, doing.length > 0)]
}

function written({ writes, by }: Goal, { comparison }: Wanted): KubernetesStep[] {
  if (!writes || !hasDrift(comparison.changes)) return []
  const paths = comparison.changes
    .filter(({ kind }) => kind !== 'unchanged' && kind !== 'kept')
    .map(({ path }) => path)
  const first = paths.find((path) => path.startsWith('helm/')) ?? paths[0] ?? ''
  const rest = paths.length > 1 ? ` (and ${paths.length - 1} more)` : ''
  const isNew = comparison.changes.every(({ kind }) => kind === 'wrote')
  return [
    {
      kind: 'write',
      comparison,
      what: `write deploy/${first}${rest}`,
      because: isNew ? 'nothing is rendered yet' : `${by} has changed since it was rendered`,
      tier: null,
    },
  ]
}

function namespaced({ namespace, place, release }: KubernetesObserved): KubernetesStep[] {
  if (namespace.exists) return []
  return [
    {
      kind: 'namespace',
      place,
      release: release.name,
      what: `make namespace ${place.namespace}`,
      because: `context ${place.context} names it and the cluster has none`,
      tier: null,
    },
  ]
}

/** What another Helm left half done. */
function mended({ nowMs }: Goal, { release, cutOff, place }: KubernetesObserved): KubernetesStep[] {
  const last = latest(release.revisions)
  if (last === null || (!isPending(last) && last.status !== 'uninstalling')) return []
  const ageMs = nowMs - last.updatedAt
  if (!cutOff && ageMs < helmAtMostMs) throw beingChanged(release.name, last.status, ageMs)
  const deployed = lastDeployed(release.revisions)
  const because = `a change of the release was cut off: revision ${last.revision} is ${last.status}`
  const common = { release: release.name, place, because, tier: null }
  if (deployed === null || last.status === 'uninstalling') {
    return [{ ...common, kind: 'uninstall', what: `uninstall what is there of release ${release.name}` }]
  }
  const what = `roll release ${release.name} back to revision ${deployed.revision}, which was deployed`
  return [{ ...common, kind: 'rollback', revision: deployed.revision, what }]
}

function beingChanged(release: string, status: string, ageMs: number): UserError {
  const since = `${Math.max(1, Math.round(ageMs / 1000))} s`
  return new UserError(`somebody else changes release ${release}: it is ${status} since ${since}`, {
    hint: `Try again when they are done. If nobody is at it any more: helm rollback ${release}, or helm uninstall ${release} where nothing was ever deployed`,
    code: 'locked',
  })
}

function secretStep(wanted: Wanted, observed: KubernetesObserved): KubernetesStep[] {
  const secret = planSecret(wanted, observed)
  if (secret === null) return []
  const names = [...secret.make, ...Object.keys(secret.read)]
  const from =
    Object.keys(secret.read).length === 0
      ? ''
      : `, with ${Object.keys(secret.read).join(', ')} of deploy/helm/secrets`
  return [
    {
      kind: 'secret',
      secret,
      what: `${secret.exists ? 'add to' : 'make'} Secret ${secret.name}: ${names.join(', ')}${from}`,
      because: secret.exists ? 'it has no such keys yet' : 'its pods read it, and there is none',
      tier: null,
    },
  ]
}

/** What would not be tried again by itself, or not for minutes. */
function clearedAway({ found, replicas, place, events }: KubernetesObserved): {
  steps: KubernetesStep[]
  removed: ReadonlySet<string>
} {
  const failed = found.controllers.filter(
    (controller) =>
      controller.kind === 'Job' && standingOf(controller, events).stuck?.startsWith('it has failed') === true,
  )
  const failing = replicas.filter(({ state }) => state === 'failing')
  const jobs = failed.map((job): KubernetesStep => ({
    kind: 'delete',
    objects: [`job/${job.metadata.name}`],
    place,
    what: `remove ${titleOf(job)}`,
    because: standingOf(job, events).stuck ?? '',
    tier: workloadOf(job),
  }))
  const pods = failing.map(({ name, tier, because, pod }): KubernetesStep => ({
    kind: 'delete',
    objects: [`pod/${pod.metadata.name}`],
    place,
    what: `start ${name} again`,
    because: `it is failing: ${because ?? ''}`,
    tier,
  }))
  return { steps: [...jobs, ...pods], removed: new Set(failed.map(({ metadata }) => metadata.name)) }
}

function released(
  { by }: Goal,
  wanted: Wanted,
  { release, place, live }: KubernetesObserved,
  removed: ReadonlySet<string>,
): KubernetesStep[] {
  const last = latest(release.revisions)
  const isNew = lastDeployed(release.revisions) === null
  const deployed = objectsIn(release.manifest)
  const changes = changesBetween(deployed, wanted.objects)
  const changed = new Set(changes.map(({ object }) => keyOf(object)))
  const kept = deployed.filter((object) => !changed.has(keyOf(object)))
  const drift = live === null ? [] : driftOf(kept, live)
  const again = kept
    .filter(({ kind, metadata }) => kind === 'Job' && removed.has(metadata.name))
    .map((object): ObjectChange => ({ kind: 'made', object, fields: [] }))
  const failed = last?.status === 'failed'
  const parts = [
    ...partsOf(changes, wanted, isNew ? 'nothing of it is there' : null, by, release.name),
    ...partsOf(drift, wanted, 'somebody has changed it on the cluster', by, release.name),
    ...partsOf(again, wanted, 'the one before has failed', by, release.name),
  ]
  if (parts.length === 0 && !failed) return []
  const count = changes.length + drift.length + again.length
  const because = failed
    ? `revision ${last.revision} of the release has failed: ${last.description}`
    : isNew
      ? `there is no release ${release.name}`
      : `${count} of its objects ${count === 1 ? 'is' : 'are'} to be changed`
  return [
    ...parts,
    {
      kind: 'upgrade',
      release: release.name,
      place,
      chart: wanted.chart,
      parts: parts.length,
      forces: drift.length > 0,
      what: `${isNew ? 'install' : 'upgrade'} release ${release.name} by Helm (${placeWords(place)})`,
      because,
      tier: null,
    },
  ]
}

function partsOf(
  changes: readonly ObjectChange[],
  wanted: Wanted,
  because: string | null,
  by: string,
  release: string,
): KubernetesStep[] {
  const { workloads } = wanted.topology
  const tierOf = (name: string) => workloads.find((workload) => workload.name === name)?.tier ?? null
  const part = (name: string, what: string, why: string): KubernetesStep => ({
    kind: 'part',
    of: release,
    what,
    because: why,
    tier: tierOf(name),
  })
  const groups = (kind: 'made' | 'removed', verb: 'make' | 'remove', why: string) =>
    [
      ...Map.groupBy(
        changes.filter((change) => change.kind === kind),
        ({ object }) => workloadOf(object),
      ),
    ].map(([name, list]) =>
      part(
        name,
        groupWords(
          verb,
          name,
          list.map(({ object }) => object),
        ),
        why,
      ),
    )
  return [
    ...groups('made', 'make', because ?? `${by} asks for it`),
    ...changes
      .filter(({ kind }) => kind === 'changed')
      .map((change) =>
        part(workloadOf(change.object), changeWords(change), because ?? changedBecause(change, by)),
      ),
    ...groups('removed', 'remove', `${by} asks for it no longer`),
  ]
}

function changedBecause({ object, fields }: ObjectChange, by: string): string {
  const [only] = fields
  if (fields.length !== 1 || only?.path !== 'spec.replicas') return `${by} has changed since`
  return `${by} asks for ${String(only.after)} of ${workloadOf(object)}, the release has ${String(only.before)}`
}

/** One step a tier that is not as it should be; all of those whose rollout begins only now. */
function awaited(
  goal: Goal,
  wanted: Wanted,
  observed: KubernetesObserved,
  changing: boolean,
): KubernetesStep[] {
  const { found, release, place, events, replicas } = observed
  const late = (name: string) => {
    const controllers = found.controllers.filter((one) => workloadOf(one) === name)
    const unwell = replicas.some(({ pod, state }) => workloadOf(pod) === name && state !== 'healthy')
    return unwell || controllers.some((controller) => !standingOf(controller, events).done)
  }
  const tiers = awaitedTiers(wanted.topology, controllersIn(wanted.objects))
  return tiers
    .filter(({ workload }) => changing || late(workload))
    .map((tier): KubernetesStep => ({
      kind: 'await',
      release: release.name,
      place,
      awaited: tier,
      what: `wait for ${tier.workload}`,
      because: changing ? 'what was changed has to be ready' : 'not all of it is ready',
      tier: tier.tier,
    }))
}

function controllersIn(objects: readonly KubeObject[]): Controller[] {
  return objects.filter((object): object is Controller => isController(object))
}
