import { describe, expect, test } from 'vitest'
import type { KubeEvent, Pod } from '../../../../src/targets/kubernetes/objects.ts'
import { replicaOf } from '../../../../src/targets/kubernetes/replicas.ts'

const roles = new Map([['vector', { tier: 'vector', component: 'qdrant' }]])

const event = (reason: string, message: string): KubeEvent =>
  ({ reason, message, metadata: { name: 'e' }, involvedObject: { name: 'vector-0' } }) as unknown as KubeEvent

/** A pod that is not ready, as a kubelet of 1.36 says it. */
const pod = (container: object): Pod =>
  ({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'vector-0', labels: { 'app.kubernetes.io/component': 'vector' } },
    spec: { nodeName: 'node', containers: [{ name: 'vector', image: 'qdrant/qdrant:v1.19.0' }] },
    status: {
      phase: 'Running',
      conditions: [
        { type: 'PodScheduled', status: 'True' },
        { type: 'Ready', status: 'False' },
      ],
      containerStatuses: [{ name: 'vector', restartCount: 0, ready: false, ...container }],
    },
  }) as unknown as Pod

const stateOf = (one: Pod, events: readonly KubeEvent[]) => {
  const { state, because } = replicaOf(one, { nodes: null, pods: null, claims: [], events }, roles)
  return { state, because }
}

describe('a pod that is not ready', () => {
  const refused = 'Startup probe failed: Get "http://10.0.0.1:6333/readyz": connection refused'
  const running = { state: { running: { startedAt: '2026-11-21T23:02:13Z' } } }

  test('is starting until it has answered once, also between its start and its first readiness', () => {
    for (const started of [false, true])
      expect(stateOf(pod({ ...running, started }), [event('Unhealthy', refused)])).toEqual({
        state: 'starting',
        because: refused,
      })
  })

  test('is unhealthy once it has answered and does so no more', () => {
    const lost = 'Readiness probe failed: HTTP probe failed with statuscode: 503'
    const events = [event('Unhealthy', refused), event('Unhealthy', lost)]
    expect(stateOf(pod({ ...running, started: true }), events)).toEqual({ state: 'unhealthy', because: lost })
  })

  test('says what is pulled, and nothing of an image that was there', () => {
    const waiting = { state: { waiting: { reason: 'ContainerCreating' } } }
    const there = event('Pulled', 'Container image "qdrant" already present on machine')
    expect(stateOf(pod(waiting), [there]).because).toBe('its containers are being made')
    const pulling = event('Pulling', 'Pulling image "qdrant"')
    expect(stateOf(pod(waiting), [pulling]).because).toBe('Pulling image "qdrant"')
  })
})
