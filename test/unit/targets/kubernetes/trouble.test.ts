import { describe, expect, test } from 'vitest'
import type { ContainerStatus, Pod } from '../../../../src/targets/kubernetes/objects.ts'
import { type Roles, isReplica, replicaOf } from '../../../../src/targets/kubernetes/replicas.ts'
import { troubleOf } from '../../../../src/targets/kubernetes/trouble.ts'
import { eventOf, podNamed } from './cluster-objects.ts'

const roles: Roles = new Map([
  ['embed', { tier: 'embed', component: 'tei' }],
  ['vector', { tier: 'vector', component: 'qdrant' }],
])
const nothing = { nodes: null, pods: null, claims: [], events: [] }

/** On a node, with one container as its kubelet describes it. */
function pod(
  status: Partial<ContainerStatus>,
  more: {
    phase?: string
    ready?: boolean
    name?: string
    owner?: string
    limits?: Record<string, string>
  } = {},
): Pod {
  const name = more.name ?? 'handbook-ragscale-embed-7d9f-x7k2p'
  const base = podNamed(
    name,
    {},
    {
      metadata: {
        labels: { 'app.kubernetes.io/component': more.owner === 'StatefulSet' ? 'vector' : 'embed' },
        ownerReferences: [{ kind: more.owner ?? 'ReplicaSet', name: 'owner' }],
      },
      spec: {
        nodeName: 'a',
        containers: [
          { name: 'embed', image: 'registry.test/tei:9', resources: { limits: more.limits ?? {} } },
        ],
      },
      status: {
        phase: more.phase ?? 'Running',
        conditions: [{ type: 'Ready', status: more.ready === true ? 'True' : 'False' }],
        containerStatuses: [{ name: 'embed', ready: more.ready ?? false, restartCount: 0, ...status }],
      },
    },
  )
  return base
}

const waiting = (reason: string, message = '') => ({ state: { waiting: { reason, message } } })

describe('an image that cannot be pulled', () => {
  test.for<[string, string]>([
    [
      'failed to resolve reference "registry.test/tei:9": registry.test/tei:9: not found',
      'there is no such image, or no such tag',
    ],
    ['failed to authorize: unauthorized: authentication required', 'the registry does not let this cluster'],
    ['dial tcp: lookup registry.test: no such host', 'its registry cannot be reached'],
  ])('because %s', ([said, words]) => {
    expect(troubleOf(pod(waiting('ImagePullBackOff', said)))).toMatchObject({
      state: 'failing',
      because: `image registry.test/tei:9 cannot be pulled: ${words}`,
      log: null,
    })
  })

  test('a pull that has failed once is tried again, and no trouble yet', () => {
    expect(troubleOf(pod(waiting('ErrImagePull', 'not found')))).toBeNull()
  })

  test('who lacks rights is told where they are given', () => {
    expect(troubleOf(pod(waiting('ImagePullBackOff', 'pull access denied')))?.cure).toContain(
      'imagePullSecrets',
    )
  })
})

describe('a container that ends', () => {
  const crash = (restartCount: number, terminated: object) => ({
    ...waiting('CrashLoopBackOff'),
    restartCount,
    lastState: { terminated: { exitCode: 1, ...terminated } },
  })

  test('once or twice is started again, later it is failing', () => {
    expect(troubleOf(pod(crash(1, {})))).toMatchObject({
      state: 'restarting',
      because: 'ended with exit code 1',
    })
    expect(troubleOf(pod(crash(3, {})))).toMatchObject({
      state: 'failing',
      because: 'ended with exit code 1, 3 times',
      log: { container: 'embed', previous: true },
    })
  })

  test('for want of memory says how much it may have, and where to give it more', () => {
    const trouble = troubleOf(
      pod(crash(3, { exitCode: 137, reason: 'OOMKilled' }), { limits: { memory: '2Gi' } }),
    )
    expect(trouble?.because).toMatch(/^killed for using more than its .* of memory \(OOMKilled\), 3 times$/)
    expect(trouble?.cure).toContain('tiers.<tier>.resources.memory')
  })

  test('as it should, is in no trouble', () => {
    expect(troubleOf(pod({ state: { terminated: { exitCode: 0, reason: 'Completed' } } }))).toBeNull()
  })
})

describe('a pod as a replica', () => {
  test('is named by its tier, and by what kubectl calls it', () => {
    expect(replicaOf(pod({}, { ready: true }), nothing, roles)).toMatchObject({
      name: 'embed-x7k2p',
      tier: 'embed',
      component: 'tei',
      replica: 'x7k2p',
      state: 'healthy',
    })
    const node = pod({}, { ready: true, name: 'handbook-ragscale-vector-0', owner: 'StatefulSet' })
    expect(replicaOf(node, nothing, roles)).toMatchObject({
      name: 'vector-1',
      replica: '1',
      component: 'qdrant',
    })
  })

  test('says how far its start is', () => {
    const state = (one: Pod, events = nothing.events) => replicaOf(one, { ...nothing, events }, roles)
    const name = 'handbook-ragscale-embed-7d9f-x7k2p'
    const making = pod(waiting('ContainerCreating'), { phase: 'Pending' })
    const pulling = [eventOf('Pod', name, 'Pulling', 'Pulling image "registry.test/tei:9"')]
    expect(state(making, pulling as never)).toMatchObject({
      state: 'starting',
      because: 'Pulling image "registry.test/tei:9"',
    })
    const mount = [eventOf('Pod', name, 'FailedMount', 'secret "handbook-secrets" not found')]
    expect(state(making, mount as never).because).toBe('its volumes: secret "handbook-secrets" not found')
    const running = pod({ state: { running: { startedAt: '2026-11-21T10:00:00Z' } }, started: false })
    expect(state(running)).toMatchObject({ state: 'starting', startedAt: Date.parse('2026-11-21T10:00:00Z') })
    const probe = [eventOf('Pod', name, 'Unhealthy', 'Readiness probe failed: HTTP 503')]
    const sick = pod({ state: { running: {} }, started: true })
    expect(state(sick, probe as never)).toMatchObject({
      state: 'unhealthy',
      because: 'Readiness probe failed: HTTP 503',
    })
  })

  test('of a job that is done is no replica', () => {
    const done = { ...pod({}, { phase: 'Succeeded', owner: 'Job' }) }
    expect(isReplica(done)).toBe(false)
    expect(isReplica(pod({}, { phase: 'Failed', owner: 'Job' }))).toBe(true)
  })
})
