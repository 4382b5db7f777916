import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import type { ReplicaSample } from '../../../../src/recording/resources.ts'
import { topologyOf } from '../../../../src/render/workloads.ts'
import { Cluster } from '../../../../src/targets/kubernetes/cluster.ts'
import type { Ran } from '../../../../src/targets/kubernetes/programs.ts'
import { ClusterSampler } from '../../../../src/targets/kubernetes/sample.ts'
import { presetStack } from '../../render/preset-stack.ts'
import { podNamed } from './cluster-objects.ts'
import { Recorded } from './recorded-programs.ts'

const place = {
  context: 'test',
  namespace: 'rag',
  server: 'https://127.0.0.1:6443',
  local: true,
  isNamed: false,
}
const stack = await presetStack('laptop', 'kubernetes')
const topology = topologyOf(stack, 'kubernetes')
const roles = new Map(topology.workloads.map(({ name, tier, component }) => [name, { tier, component }]))

const pod = podNamed(
  'laptop-ragscale-embed-7d9f-x7k2p',
  {},
  {
    metadata: { uid: 'u1', labels: { 'app.kubernetes.io/component': 'embed' } },
    spec: { nodeName: 'a' },
    status: { phase: 'Running' },
  },
)
const running = { 'kubectl get pods,': { stdout: JSON.stringify({ items: [pod] }) } }
const denied = { ok: false, stderr: 'Error from server (Forbidden): not for you' }
const summary = {
  pods: [
    {
      podRef: { name: pod.metadata.name, namespace: 'rag', uid: 'u1' },
      cpu: { time: '2026-11-21T12:00:00Z', usageCoreNanoSeconds: 5e9 },
      memory: { workingSetBytes: 1000 },
    },
  ],
}

async function sampled(answers: Readonly<Record<string, Partial<Ran>>>): Promise<ReplicaSample[]> {
  const cluster = new Cluster(place, new Recorded({ ...running, ...answers }))
  const sampler = new ClusterSampler('laptop', stack, topology, roles, cluster)
  expect(sampler.drain()).toEqual([])
  for (let tries = 0; tries < 100; tries++) {
    const samples = sampler.drain()
    if (samples.length > 0) return samples
    await sleep(10)
  }
  return []
}

const page = 'kubectl get --raw /api/v1/namespaces/rag/pods/'
const kubelet = 'kubectl get --raw /api/v1/nodes/a/proxy/stats/summary'
const metricsServer = 'kubectl get --raw /apis/metrics.k8s.io'

describe('what pods use', () => {
  test('is what their kubelet says, and their own server of its queue', async () => {
    const [sample] = await sampled({
      [kubelet]: { stdout: JSON.stringify(summary) },
      [page]: { stdout: 'te_queue_size 3\n' },
    })
    expect(sample).toMatchObject({
      tier: 'embed',
      replica: 'x7k2p',
      memoryBytes: 1000,
      queue: 3,
      cpuCores: null,
    })
  })

  test('is what metrics-server says where kubelets may not be asked', async () => {
    const items = [
      {
        metadata: { name: pod.metadata.name },
        timestamp: '2026-11-21T12:00:00Z',
        containers: [{ usage: { cpu: '250m', memory: '64Mi' } }],
      },
    ]
    const [sample] = await sampled({
      [kubelet]: denied,
      [page]: denied,
      [metricsServer]: { stdout: JSON.stringify({ items }) },
    })
    expect(sample).toMatchObject({ tier: 'embed', memoryBytes: 64 * 2 ** 20, queue: null })
  })

  test('is not known where nobody may be asked, which is no error', async () => {
    expect(await sampled({ [kubelet]: denied, [page]: denied, [metricsServer]: denied })).toEqual([])
  })
})
