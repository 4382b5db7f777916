/** Pods, nodes and what else a cluster says, as small as a test needs them. */
import type {
  Claim,
  Controller,
  KubeEvent,
  Node,
  Pod,
  PodSpec,
} from '../../../../src/targets/kubernetes/objects.ts'

export function nodeNamed(
  name: string,
  has: Readonly<Record<string, string>>,
  more: { labels?: Record<string, string>; spec?: Node['spec']; ready?: boolean } = {},
): Node {
  return {
    apiVersion: 'v1',
    kind: 'Node',
    metadata: { name, labels: { 'kubernetes.io/hostname': name, ...more.labels } },
    ...(more.spec === undefined ? {} : { spec: more.spec }),
    status: {
      allocatable: { pods: '110', ...has },
      conditions: [{ type: 'Ready', status: more.ready === false ? 'False' : 'True' }],
    },
  }
}

/** Pending, for lack of a node, unless told otherwise. */
export function podNamed(
  name: string,
  requests: Readonly<Record<string, string>>,
  more: {
    spec?: Partial<PodSpec>
    status?: Pod['status']
    message?: string
    metadata?: Partial<Pod['metadata']>
  } = {},
): Pod {
  const scheduled = {
    type: 'PodScheduled',
    status: 'False',
    reason: 'Unschedulable',
    message: more.message ?? '',
  } as const
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name,
      namespace: 'rag',
      labels: { 'app.kubernetes.io/component': name.split('-')[0] ?? name },
      ...more.metadata,
    },
    spec: {
      containers: [{ name: name.split('-')[0] ?? name, image: 'tei:1', resources: { requests } }],
      ...more.spec,
    },
    status: more.status ?? { phase: 'Pending', conditions: [scheduled] },
  }
}

export function runningOn(node: string, pod: Pod): Pod {
  return { ...pod, spec: { ...pod.spec, nodeName: node }, status: { phase: 'Running' } }
}

export function claimNamed(name: string, storageClassName: string | undefined, phase = 'Pending'): Claim {
  return {
    apiVersion: 'v1',
    kind: 'PersistentVolumeClaim',
    metadata: { name },
    spec: storageClassName === undefined ? {} : { storageClassName },
    status: { phase },
  }
}

export function eventOf(kind: string, name: string, reason: string, message: string): KubeEvent {
  return {
    apiVersion: 'v1',
    kind: 'Event',
    metadata: { name: 'event' },
    reason,
    message,
    involvedObject: { kind, name },
  }
}

export function deploymentNamed(
  name: string,
  replicas: number | undefined,
  status: Controller['status'] = {},
  image = 'tei:1',
): Controller {
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: {
      name,
      generation: 1,
      labels: { 'app.kubernetes.io/component': name.split('-').at(-1) ?? name },
    },
    spec: {
      ...(replicas === undefined ? {} : { replicas }),
      template: { spec: { containers: [{ name: 'server', image }] } },
    },
    status: { observedGeneration: 1, ...status },
  }
}
