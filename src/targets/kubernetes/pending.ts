/** Why a pod that was made does not run yet, in plain words. Pure. */
import type { Claim, KubeEvent, Node, Pod } from './objects.ts'
import { choiceWords, isChosen, isCordoned, isReady, taintWords, untolerated } from './placement.ts'
import { amountWords, capacityOf, freeOn, leftWords, needsOf } from './requests.ts'

/** What is known of the cluster around it; null where the user may not look. */
export interface Surroundings {
  readonly nodes: readonly Node[] | null
  /** Of all namespaces: what holds the nodes' resources. */
  readonly pods: readonly Pod[] | null
  readonly claims: readonly Claim[]
  readonly events: readonly KubeEvent[]
}

/** `4 GPUs wanted, 0 free on 2 nodes`; null for a pod that has its node. */
export function whyPending(pod: Pod, around: Surroundings): string | null {
  if (pod.spec.nodeName !== undefined && pod.spec.nodeName !== '') return null
  const [gate] = pod.spec.schedulingGates ?? []
  if (gate !== undefined) return `the scheduling gate ${gate.name} holds it back`
  const scheduled = pod.status?.conditions?.find(({ type }) => type === 'PodScheduled')
  if (scheduled?.status !== 'False') return 'waits for the scheduler'
  const message = scheduled.message ?? ''
  const because = whyNoVolume(pod, message, around) ?? whyNoNode(pod, message, around)
  const growth = whyNoGrowth(pod, around.events)
  return growth === null ? because : `${because} (${growth})`
}

function whyNoVolume(pod: Pod, message: string, { claims, events }: Surroundings): string | null {
  const missing = /persistentvolumeclaim "([^"]+)" not found/.exec(message)?.[1]
  if (missing !== undefined) return `there is no volume claim ${missing}`
  if (!message.includes('unbound immediate PersistentVolumeClaims')) return null
  const names = (pod.spec.volumes ?? []).flatMap(({ persistentVolumeClaim }) =>
    persistentVolumeClaim === undefined ? [] : [persistentVolumeClaim.claimName],
  )
  const unbound = claims.filter(
    ({ metadata, status }) => names.includes(metadata.name) && status?.phase !== 'Bound',
  )
  if (unbound.length === 0) return 'a volume claim of it is not bound'
  return unbound.map((claim) => whyUnbound(claim, events)).join('; ')
}

function whyUnbound(
  { metadata: { name }, spec: { storageClassName } }: Claim,
  events: readonly KubeEvent[],
): string {
  const said = events.findLast(
    ({ involvedObject, reason }) =>
      involvedObject.kind === 'PersistentVolumeClaim' &&
      involvedObject.name === name &&
      reason !== 'WaitForFirstConsumer',
  )
  const claim = `volume claim ${name} is not bound`
  if (storageClassName === undefined || storageClassName === '') {
    return `${claim}: it names no StorageClass, and the cluster has none by default (values: storage.*.storageClass)`
  }
  const isWaiting = said === undefined || said.reason === 'ExternalProvisioning'
  return `${claim}: ${isWaiting ? `StorageClass ${storageClassName} has given it no volume yet` : (said.message ?? '')}`
}

function whyNoNode(pod: Pod, message: string, { nodes, pods }: Surroundings): string {
  if (nodes === null || pods === null) return translated(message)
  if (nodes.length === 0) return 'the cluster has no node'
  const chosen = nodes.filter((node) => isChosen(node, pod))
  if (chosen.length === 0) return `no node of ${nodes.length} has the label ${choiceWords(pod)}`
  const open = chosen.filter((node) => untolerated(node, pod).length === 0)
  if (open.length === 0) {
    const taints = new Set(chosen.flatMap((node) => untolerated(node, pod).map(taintWords)))
    return `${nodeWords(chosen.length)} it may run on ${chosen.length === 1 ? 'has' : 'have'} a taint that it does not tolerate: ${[...taints].join(', ')}`
  }
  const usable = open.filter((node) => !isCordoned(node) && isReady(node))
  if (usable.length === 0) {
    const cordoned = open.filter(isCordoned).length
    return `${nodeWords(open.length)} it may run on: ${cordoned} cordoned, ${open.length - cordoned} not ready`
  }
  return whyNoRoom(pod, usable, pods) ?? translated(message)
}

/** Null when a node has room for all of it: then something else keeps it off. */
function whyNoRoom(pod: Pod, nodes: readonly Node[], pods: readonly Pod[]): string | null {
  const needs = needsOf(pod)
  const free = nodes.map((node) => freeOn(node, pods))
  const fits = (left: ReadonlyMap<string, number>) =>
    [...needs].every(([resource, wanted]) => (left.get(resource) ?? 0) >= wanted)
  if (free.some(fits)) return null
  const lacking = [...needs].flatMap(([resource, wanted]) => {
    const most = Math.max(...free.map((left) => left.get(resource) ?? 0))
    if (most >= wanted) return []
    const words = amountWords(resource, wanted)
    const having = nodes.filter((node) => (capacityOf(node).get(resource) ?? 0) > 0)
    const largest = Math.max(0, ...having.map((node) => capacityOf(node).get(resource) ?? 0))
    if (largest === 0) return [`${words} wanted, and none of ${nodeWords(nodes.length)} has any`]
    if (largest < wanted)
      return [`${words} wanted, and no node has more than ${leftWords(resource, largest)}`]
    const left = leftWords(resource, most)
    return [
      most <= 0 || having.length === 1
        ? `${words} wanted, ${left} free on ${nodeWords(having.length)}`
        : `${words} wanted, at most ${left} free on one of ${nodeWords(having.length)}`,
    ]
  })
  if (lacking.length > 0) return lacking.join('; ')
  const all = [...needs].filter(([resource]) => resource !== 'pods')
  return `no node of ${nodes.length} has ${all.map(([resource, wanted]) => amountWords(resource, wanted)).join(', ')} free at once`
}

/** The scheduler's words, where they alone know: `0/2 nodes are available: 2 Insufficient nvidia.com/gpu. …` */
const phrases: readonly (readonly [RegExp, string])[] = [
  [/anti-affinity/, 'each replica wants a node of its own, and every node has one or may not be used'],
  [
    /topology spread/,
    'its replicas are spread evenly over nodes and zones, and no node is left that keeps it so',
  ],
  [/volume node affinity conflict/, 'its volume is where no node has room for it'],
  [/didn't have free ports/, 'a port of the node that it wants is taken on every node'],
  [/Insufficient nvidia\.com\/gpu/, 'no node has as many GPUs free'],
  [/Insufficient cpu/, 'no node has as much CPU free'],
  [/Insufficient memory/, 'no node has as much memory free'],
  [/untolerated taint/, 'nodes have a taint that it does not tolerate'],
  [/node affinity\/selector/, 'nodes lack the label that it asks for'],
]

function translated(message: string): string {
  const words = phrases.flatMap(([shape, text]) => (shape.test(message) ? [text] : []))
  if (words.length > 0) return words.join('; ')
  return message === '' ? 'the scheduler finds no node for it' : message
}

/** What an autoscaler of nodes said of the pod last; null where none did. */
function whyNoGrowth({ metadata }: Pod, events: readonly KubeEvent[]): string | null {
  const said = events.findLast(
    ({ involvedObject, reason }) =>
      involvedObject.name === metadata.name &&
      /^(NotTriggerScaleUp|TriggeredScaleUp|Nominated)$/.test(reason ?? ''),
  )
  if (said === undefined) return null
  return said.reason === 'NotTriggerScaleUp'
    ? 'the cluster autoscaler cannot add a node that would do'
    : 'a node is being added for it'
}

function nodeWords(count: number): string {
  return count === 1 ? '1 node' : `${count} nodes`
}
