/** Pods as replicas of tiers. Pure. */
import type { ReplicaState } from '../target.ts'
import { type KubeEvent, type Pod, tierLabel } from './objects.ts'
import { type Surroundings, whyPending } from './pending.ts'
import { troubleOf } from './trouble.ts'

/** Which tier and component a workload of the chart is. */
export type Roles = ReadonlyMap<string, { readonly tier: string; readonly component: string }>

export interface PodState extends ReplicaState {
  readonly pod: Pod
}

/** Jobs that are done are no replicas. */
export function isReplica(pod: Pod): boolean {
  return !(
    pod.status?.phase === 'Succeeded' &&
    pod.metadata.ownerReferences?.some(({ kind }) => kind === 'Job') === true
  )
}

export function replicaOf(pod: Pod, around: Surroundings, roles: Roles): PodState {
  const workload = pod.metadata.labels?.[tierLabel] ?? pod.metadata.name
  const role = roles.get(workload)
  const { containerStatuses = [], initContainerStatuses = [] } = pod.status ?? {}
  const restarts = [...initContainerStatuses, ...containerStatuses].reduce(
    (sum, one) => sum + one.restartCount,
    0,
  )
  const replica = shortName(pod, workload)
  return {
    name: `${workload}-${replica}`,
    tier: role?.tier ?? workload,
    replica,
    component: role?.component ?? workload,
    version: versionOf(pod.spec.containers[0]?.image ?? ''),
    ...conditionOf(pod, around),
    url: null,
    pid: null,
    startedAt: startOf(pod),
    restarts,
    cpuCores: null,
    memoryBytes: null,
    lastLines: [],
    pod,
  }
}

/** `1` of a cluster's first node, `x7k2p` of a Deployment's: so that it can be found with kubectl. */
function shortName({ metadata }: Pod, workload: string): string {
  const owner = metadata.ownerReferences?.[0]?.kind
  const last = metadata.name.split('-').at(-1) ?? ''
  if (owner === 'StatefulSet') return String(Number(last) + 1)
  return metadata.name === workload ? '1' : last
}

/** `v1.19.0` of `qdrant/qdrant:v1.19.0`; a digest where it has no tag. */
function versionOf(image: string): string | null {
  const [rest = '', digest] = image.split('@')
  return /:([^/]+)$/.exec(rest)?.[1] ?? digest ?? null
}

function conditionOf(pod: Pod, around: Surroundings): Pick<ReplicaState, 'state' | 'because'> {
  if (pod.metadata.deletionTimestamp !== undefined) return { state: 'stopping', because: null }
  const pending = whyPending(pod, around)
  if (pending !== null) return { state: 'waiting', because: pending }
  const trouble = troubleOf(pod)
  if (trouble !== null) return { state: trouble.state, because: trouble.because }
  if (pod.status?.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True') === true) {
    return { state: 'healthy', because: null }
  }
  return notReady(pod, around.events)
}

function notReady(pod: Pod, events: readonly KubeEvent[]): Pick<ReplicaState, 'state' | 'because'> {
  const { containerStatuses = [], initContainerStatuses = [] } = pod.status ?? {}
  const fetching = initContainerStatuses.find(({ state }) => state?.running !== undefined)
  if (fetching !== undefined) return { state: 'starting', because: `${fetching.name} runs first` }
  const running = containerStatuses.filter(({ state }) => state?.running !== undefined)
  if (running.length > 0) {
    const probe = lastOf(pod, events, /^Unhealthy$/)
    // It has served, and does not any more; the last that was said of its start says nothing of that.
    const answered = probe !== null && !probe.startsWith('Startup probe')
    const served = running.some(({ started, ready }) => started === true && !ready) && answered
    return { state: served ? 'unhealthy' : 'starting', because: probe ?? 'not ready yet' }
  }
  const mount = lastOf(pod, events, /^Failed(Mount|AttachVolume)$/)
  if (mount !== null) return { state: 'starting', because: `its volumes: ${mount}` }
  const pulling = lastOf(pod, events, /^(Pulling|Pulled)$/)
  const isThere = pulling === null || /already present/.test(pulling)
  return { state: 'starting', because: isThere ? 'its containers are being made' : pulling }
}

function lastOf({ metadata }: Pod, events: readonly KubeEvent[], reason: RegExp): string | null {
  const found = events.findLast(
    ({ involvedObject, reason: why }) => involvedObject.name === metadata.name && reason.test(why ?? ''),
  )
  return found?.message ?? null
}

/** When its first container came up; null until then. Milliseconds since 1970. */
function startOf({ status }: Pod): number | null {
  const times = (status?.containerStatuses ?? []).flatMap(({ state }) =>
    state?.running?.startedAt === undefined ? [] : [Date.parse(state.running.startedAt)],
  )
  return times.length === 0 ? null : Math.min(...times)
}
