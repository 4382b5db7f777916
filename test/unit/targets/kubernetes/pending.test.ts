import { describe, expect, test } from 'vitest'
import { type Surroundings, whyPending } from '../../../../src/targets/kubernetes/pending.ts'
import { claimNamed, eventOf, nodeNamed, podNamed, runningOn } from './cluster-objects.ts'

const gpu = 'nvidia.com/gpu'
const room = { cpu: '16', memory: '64Gi' }

function around(more: Partial<Surroundings>): Surroundings {
  return { nodes: [], pods: [], claims: [], events: [], ...more }
}

describe('why a pod is pending', () => {
  test('nothing is said of one that has its node', () => {
    expect(whyPending(runningOn('a', podNamed('embed-1', {})), around({}))).toBeNull()
  })

  test('GPUs that others have', () => {
    const nodes = ['a', 'b'].map((name) => nodeNamed(name, { ...room, [gpu]: '8' }))
    const pods = ['a', 'b'].map((node) => runningOn(node, podNamed(`generate-${node}`, { [gpu]: '8' })))
    const pending = podNamed('generate-3', { [gpu]: '4' })
    expect(whyPending(pending, around({ nodes, pods }))).toBe('4 GPUs wanted, 0 free on 2 nodes')
  })

  test('GPUs of which there are some, and on no node enough', () => {
    const nodes = ['a', 'b'].map((name) => nodeNamed(name, { ...room, [gpu]: '8' }))
    const pods = ['a', 'b'].map((node) => runningOn(node, podNamed(`generate-${node}`, { [gpu]: '6' })))
    const pending = podNamed('generate-3', { [gpu]: '4' })
    expect(whyPending(pending, around({ nodes, pods }))).toBe(
      '4 GPUs wanted, at most 2 free on one of 2 nodes',
    )
  })

  test('more GPUs than any node has, or where none has any', () => {
    const plain = nodeNamed('plain', room)
    const pending = podNamed('generate-1', { [gpu]: '16' })
    expect(whyPending(pending, around({ nodes: [plain, nodeNamed('a', { ...room, [gpu]: '8' })] }))).toBe(
      '16 GPUs wanted, and no node has more than 8',
    )
    expect(whyPending(pending, around({ nodes: [plain] }))).toBe('16 GPUs wanted, and none of 1 node has any')
  })

  test('what has ended holds nothing', () => {
    const nodes = [nodeNamed('a', { ...room, [gpu]: '8' })]
    const ended = { ...runningOn('a', podNamed('models', { [gpu]: '8' })), status: { phase: 'Succeeded' } }
    const pending = podNamed('generate-1', { [gpu]: '4' }, { message: "1 node(s) didn't have free ports" })
    expect(whyPending(pending, around({ nodes, pods: [ended] }))).toBe(
      'a port of the node that it wants is taken on every node',
    )
  })

  test('an init container that wants more than the server itself', () => {
    const nodes = [nodeNamed('a', room)]
    const init = { name: 'fetch', resources: { requests: { cpu: '32' } } }
    const pending = podNamed('embed-1', { cpu: '2' }, { spec: { initContainers: [init] } })
    expect(whyPending(pending, around({ nodes }))).toBe('32 CPUs wanted, and no node has more than 16')
  })

  test('each resource is there, and no node has them all', () => {
    const nodes = [nodeNamed('a', { cpu: '16', memory: '1Gi' }), nodeNamed('b', { cpu: '1', memory: '64Gi' })]
    expect(whyPending(podNamed('embed-1', { cpu: '8', memory: '32Gi' }), around({ nodes }))).toMatch(
      /^no node of 2 has 8 CPUs, .* of memory free at once$/,
    )
  })

  test('a label that no node has, a taint that all have, nodes that are closed', () => {
    const pending = podNamed('embed-1', {}, { spec: { nodeSelector: { 'gpu.type': 'L4' } } })
    expect(whyPending(pending, around({ nodes: [nodeNamed('a', room)] }))).toBe(
      'no node of 1 has the label gpu.type=L4',
    )
    const taints = [{ key: gpu, value: 'present', effect: 'NoSchedule' }]
    const tainted = nodeNamed('a', room, { spec: { taints } })
    expect(whyPending(podNamed('embed-1', {}), around({ nodes: [tainted] }))).toBe(
      '1 node it may run on has a taint that it does not tolerate: nvidia.com/gpu=present:NoSchedule',
    )
    const tolerations = [{ key: gpu, operator: 'Exists' }]
    const tolerant = podNamed('embed-1', { cpu: '32' }, { spec: { tolerations } })
    expect(whyPending(tolerant, around({ nodes: [tainted] }))).toContain('32 CPUs wanted')
    const closed = [
      nodeNamed('a', room, { spec: { unschedulable: true } }),
      nodeNamed('b', room, { ready: false }),
    ]
    expect(whyPending(podNamed('embed-1', {}), around({ nodes: closed }))).toBe(
      '2 nodes it may run on: 1 cordoned, 1 not ready',
    )
  })

  test('a volume claim without a StorageClass, or whose class gives nothing', () => {
    const message = '0/2 nodes are available: pod has unbound immediate PersistentVolumeClaims.'
    const volumes = [{ name: 'data', persistentVolumeClaim: { claimName: 'data-vector-0' } }]
    const pending = podNamed('vector-0', {}, { spec: { volumes }, message })
    expect(whyPending(pending, around({ claims: [claimNamed('data-vector-0', undefined)] }))).toContain(
      'volume claim data-vector-0 is not bound: it names no StorageClass, and the cluster has none by default',
    )
    const claims = [claimNamed('data-vector-0', 'fast')]
    const events = [
      eventOf(
        'PersistentVolumeClaim',
        'data-vector-0',
        'ProvisioningFailed',
        'storageclass.storage.k8s.io "fast" not found',
      ),
    ]
    expect(whyPending(pending, around({ claims, events }))).toBe(
      'volume claim data-vector-0 is not bound: storageclass.storage.k8s.io "fast" not found',
    )
    expect(whyPending(pending, around({ claims }))).toBe(
      'volume claim data-vector-0 is not bound: StorageClass fast has given it no volume yet',
    )
  })

  test('who may not look at nodes is told what the scheduler says', () => {
    const message =
      '0/2 nodes are available: 2 Insufficient nvidia.com/gpu. preemption: 0/2 nodes are available'
    const pending = podNamed('generate-1', { [gpu]: '4' }, { message })
    expect(whyPending(pending, around({ nodes: null }))).toBe('no node has as many GPUs free')
  })

  test('what an autoscaler of nodes does about it', () => {
    const pending = podNamed('generate-1', { [gpu]: '4' })
    const nodes = [nodeNamed('a', room)]
    const says = (reason: string) =>
      whyPending(pending, around({ nodes, events: [eventOf('Pod', 'generate-1', reason, '')] }))
    expect(says('TriggeredScaleUp')).toContain('(a node is being added for it)')
    expect(says('NotTriggerScaleUp')).toContain('(the cluster autoscaler cannot add a node that would do)')
  })
})
