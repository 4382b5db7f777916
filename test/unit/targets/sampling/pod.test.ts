import { expect, test } from 'vitest'
import { podReadings } from '../../../../src/targets/sampling/pod.ts'

const time = '2026-11-21T19:00:00Z'
const podRef = { name: 'handbook-embed-0', namespace: 'rag', uid: 'u-1' }

test('the kubelet’s summary gives CPU time, working set and traffic of each pod', () => {
  const answer = {
    node: { nodeName: 'a' },
    pods: [
      {
        podRef,
        cpu: { time, usageNanoCores: 1, usageCoreNanoSeconds: 3_500_000_000 },
        memory: { time, usageBytes: 9, workingSetBytes: 7 },
        network: { time, name: 'eth0', rxBytes: 10, txBytes: 20, interfaces: [] },
        containers: [],
      },
      { podRef: { ...podRef, name: 'starting', uid: 'u-2' }, cpu: { time }, memory: {} },
    ],
  }
  expect(podReadings(answer)).toEqual([
    {
      ...podRef,
      usage: {
        atMs: Date.parse(time),
        cpuSeconds: 3.5,
        memoryBytes: 7,
        network: { received: 10, sent: 20 },
        disk: null,
      },
    },
  ])
})

test('what is no summary, as of an API server that lets nobody ask its nodes, gives nothing', () => {
  for (const other of [null, 'Forbidden', { kind: 'Status', code: 403 }, { pods: [{ podRef: {} }] }])
    expect(podReadings(other)).toEqual([])
})
