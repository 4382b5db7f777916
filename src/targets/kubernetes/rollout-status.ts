/** Whether what controls pods has done what it was asked for. Pure. */
import type { Controller, KubeEvent } from './objects.ts'

export interface Standing {
  /** Of jobs: 1 while it runs. */
  readonly wanted: number
  readonly ready: number
  readonly done: boolean
  /** Why it goes no further, where it says so; a job that has failed, a quota that is full. */
  readonly stuck: string | null
}

export function standingOf(controller: Controller, events: readonly KubeEvent[] = []): Standing {
  const { kind, metadata, spec, status = {} } = controller
  const seen = kind === 'Job' || (status.observedGeneration ?? 0) >= (metadata.generation ?? 0)
  switch (kind) {
    case 'Job': {
      const done = holds(controller, 'Complete')
      const failed = status.conditions?.find(({ type, status: is }) => type === 'Failed' && is === 'True')
      return {
        wanted: 1,
        ready: done ? 1 : 0,
        done,
        stuck:
          failed === undefined
            ? refusedWords(controller, events)
            : `it has failed: ${failed.message ?? failed.reason ?? ''}`,
      }
    }
    case 'DaemonSet': {
      const wanted = status.desiredNumberScheduled ?? 0
      const ready = status.numberReady ?? 0
      const done = seen && ready >= wanted && (status.updatedNumberScheduled ?? wanted) >= wanted
      return { wanted, ready, done, stuck: refusedWords(controller, events) }
    }
    default: {
      const wanted = spec.replicas ?? 1
      const ready = status.readyReplicas ?? 0
      const updated =
        kind === 'StatefulSet' && status.currentRevision === status.updateRevision
          ? (status.replicas ?? 0)
          : (status.updatedReplicas ?? 0)
      // The old ones are gone too.
      const done = seen && updated >= wanted && ready >= wanted && (status.replicas ?? 0) <= wanted
      return { wanted, ready, done, stuck: done ? null : refusedWords(controller, events) }
    }
  }
}

function holds({ status }: Controller, type: string): boolean {
  return (
    status?.conditions?.some((condition) => condition.type === type && condition.status === 'True') === true
  )
}

/** Pods that the API server would not take: a quota, an admission rule. */
function refusedWords({ metadata, status }: Controller, events: readonly KubeEvent[]): string | null {
  const condition = status?.conditions?.find(
    ({ type, status: is }) => type === 'ReplicaFailure' && is === 'True',
  )
  const event = events.findLast(
    ({ involvedObject, reason }) => reason === 'FailedCreate' && involvedObject.name === metadata.name,
  )
  const said = condition?.message ?? event?.message
  if (said === undefined) return null
  return quotaWords(said) ?? `its pods are refused: ${said}`
}

/** `exceeded quota: demo, requested: requests.nvidia.com/gpu=4, used: …=4, limited: …=4` */
function quotaWords(said: string): string | null {
  const found = /exceeded quota: ([^,]+), requested: (.+), used: (.+), limited: (.+)$/.exec(said)
  if (found === null) return null
  const [, quota, requested, used, limited] = found
  return `quota ${quota} is full: ${requested} wanted, ${used} used, ${limited} allowed`
}
