import { describe, expect, test } from 'vitest'
import type { Controller } from '../../../../src/targets/kubernetes/objects.ts'
import { standingOf } from '../../../../src/targets/kubernetes/rollout-status.ts'
import { deploymentNamed, eventOf } from './cluster-objects.ts'

const quota =
  'pods "x" is forbidden: exceeded quota: small, requested: requests.nvidia.com/gpu=4, used: requests.nvidia.com/gpu=4, limited: requests.nvidia.com/gpu=4'

describe('a Deployment', () => {
  const all = { replicas: 2, updatedReplicas: 2, readyReplicas: 2 }

  test('is done when all are new, ready, and the old ones gone', () => {
    expect(standingOf(deploymentNamed('handbook-embed', 2, all)).done).toBe(true)
    expect(standingOf(deploymentNamed('handbook-embed', 2, { ...all, updatedReplicas: 1 })).done).toBe(false)
    expect(standingOf(deploymentNamed('handbook-embed', 2, { ...all, readyReplicas: 1 })).done).toBe(false)
    expect(standingOf(deploymentNamed('handbook-embed', 2, { ...all, replicas: 3 })).done).toBe(false)
  })

  test('is not done before its controller has seen the change', () => {
    expect(standingOf(deploymentNamed('handbook-embed', 2, { ...all, observedGeneration: 0 })).done).toBe(
      false,
    )
  })

  test('whose pods are refused says by which quota', () => {
    const conditions = [{ type: 'ReplicaFailure', status: 'True', message: quota } as const]
    expect(standingOf(deploymentNamed('handbook-embed', 2, { conditions })).stuck).toBe(
      'quota small is full: requests.nvidia.com/gpu=4 wanted, requests.nvidia.com/gpu=4 used, requests.nvidia.com/gpu=4 allowed',
    )
  })
})

test('a StatefulSet is done when all its nodes are of the new revision', () => {
  const set = (status: Controller['status']) => ({
    ...deploymentNamed('handbook-vector', 3, status),
    kind: 'StatefulSet',
  })
  const at = { replicas: 3, readyReplicas: 3, currentRevision: 'a', updateRevision: 'b', updatedReplicas: 2 }
  expect(standingOf(set(at)).done).toBe(false)
  expect(standingOf(set({ ...at, updatedReplicas: 3 })).done).toBe(true)
  expect(standingOf(set({ ...at, currentRevision: 'b' })).done).toBe(true)
})

describe('a Job', () => {
  const job = (type?: string) => ({
    ...deploymentNamed('handbook-collection', undefined, {
      conditions:
        type === undefined
          ? []
          : [{ type, status: 'True', message: 'Job has reached the specified backoff limit' } as const],
    }),
    kind: 'Job',
  })

  test('is done when it is complete, and says so when it has given up', () => {
    expect(standingOf(job())).toMatchObject({ done: false, stuck: null })
    expect(standingOf(job('Complete'))).toMatchObject({ done: true, ready: 1 })
    expect(standingOf(job('Failed')).stuck).toBe('it has failed: Job has reached the specified backoff limit')
  })

  test('whose pod is refused says why', () => {
    const events = [
      eventOf('Job', 'handbook-collection', 'FailedCreate', 'admission webhook "policy" denied the request'),
    ]
    expect(standingOf(job(), events).stuck).toBe(
      'its pods are refused: admission webhook "policy" denied the request',
    )
  })
})
