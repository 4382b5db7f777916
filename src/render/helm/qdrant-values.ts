/**
 * qdrant-values.yaml: for the official chart (github.com/qdrant/qdrant-helm, 1.19.0, August 2026) as a release of its
 * own. Keys and defaults are those of its values.yaml; what production needs and it leaves off is turned on.
 */
import type { Container } from '../../catalog/container.ts'
import { secretNames } from '../../catalog/secrets.ts'
import { said, section, type Tree, type TreeMap, yamlText } from '../compose/document.ts'
import type { Topology, Workload } from '../topology.ts'
import { fullnameOf } from './addresses.ts'
import { cpuQuantity, diskQuantity, memoryQuantity } from './quantities.ts'

/** Null where the stack has no Qdrant of its own, or only rehearses one. */
export function qdrantValues({ stack, workloads }: Topology): string | null {
  const vector = workloads.find(({ name }) => name === 'vector')
  if (vector?.component !== 'qdrant' || stack.rehearse) return null
  return yamlText(valuesOf(stack.name, vector))
}

function valuesOf(stack: string, { container, count, because }: Workload): TreeMap {
  const { env, resources, stop } = container
  const key = { name: `${fullnameOf(stack)}-secrets`, key: secretNames.vectorKey }
  const size = (path: string) =>
    diskQuantity(container.mounts.find((mount) => mount.path === path)?.sizeBytes ?? 10 * 2 ** 30)
  return {
    fullnameOverride: said(
      'What vector.host of our values.yaml says: helm install NAME with another name changes nothing.',
      `${stack}-qdrant`,
    ),
    replicaCount: said(because, count),
    image: imageOf(container),
    apiKey: section(
      'The same key as the stack’s own, from the same Secret: change its name with the release’s.',
      {
        valueFrom: { secretKeyRef: { name: `${stack}-ragscale-secrets`, key: secretNames.vectorKey } },
      },
    ),
    config: section('', {
      cluster: { enabled: true, p2p: { port: 6335, enable_tls: false }, consensus: { tick_period_ms: 100 } },
      service: { enable_tls: false },
      telemetry_disabled: true,
    }),
    env: said(
      'The key by the environment: apiKey.valueFrom of the chart looks the Secret up in the cluster, and a release that is made without one (helm template, Argo CD) then asks for no key at all. It is taken as it is, so that the Secret must hold it without a newline at its end. Change the Secret’s name with the release’s.',
      [...environmentOf(env), { name: 'QDRANT__SERVICE__API_KEY', valueFrom: { secretKeyRef: key } }],
    ),
    resources: said(resources.because, {
      requests: {
        cpu: cpuQuantity(resources.request.cpus),
        memory: memoryQuantity(resources.request.memoryBytes),
      },
      limits: { memory: memoryQuantity(resources.limit.memoryBytes) },
    }),
    podManagementPolicy: said('Started in order, nodes wait for each other for ever.', 'Parallel'),
    podDisruptionBudget: section('Off in the chart; two nodes drained at once lose the majority.', {
      enabled: count > 1,
      maxUnavailable: 1,
      unhealthyPodEvictionPolicy: 'AlwaysAllow',
    }),
    affinity: said('Off in the chart; copies of a shard on one machine are lost together.', apart()),
    topologySpreadConstraints: spread(),
    startupProbe: said('Off in the chart; without it a node that loads for long is killed while it does.', {
      enabled: true,
      initialDelaySeconds: 0,
      periodSeconds: 5,
      timeoutSeconds: 5,
      failureThreshold: Math.ceil((container.health?.startupSeconds ?? 300) / 5),
      successThreshold: 1,
    }),
    readinessProbe: patient,
    livenessProbe: { ...patient, periodSeconds: 10 },
    persistence: section('', { accessModes: ['ReadWriteOnce'], size: size('/qdrant/storage') }),
    snapshotPersistence: said(
      'Off in the chart; a shard that moves by snapshot otherwise fills the disk of the machine.',
      { enabled: true, accessModes: ['ReadWriteOnce'], size: size('/qdrant/snapshots') },
    ),
    lifecycle: said('Searches in flight end, and the balancer learns that the node goes.', {
      preStop: { exec: { command: ['sleep', String(stop.preStopSeconds)] } },
    }),
    terminationGracePeriodSeconds: stop.preStopSeconds + stop.graceSeconds,
    metrics: section('With the Prometheus operator; the job is called as the rules expect it.', {
      serviceMonitor: {
        enabled: false,
        scrapeInterval: '15s',
        authorization: {
          type: 'Bearer',
          credentials: key,
        },
        relabelings: [
          { targetLabel: 'job', replacement: 'vector' },
          { targetLabel: 'tier', replacement: 'vector' },
          { sourceLabels: ['__meta_kubernetes_pod_name'], targetLabel: 'replica' },
        ],
      },
    }),
  }
}

/** A node that is busy must not be taken for a dead one. */
const patient = {
  enabled: true,
  initialDelaySeconds: 0,
  periodSeconds: 5,
  timeoutSeconds: 5,
  failureThreshold: 6,
  successThreshold: 1,
}

function imageOf({ image: { reference, because } }: Container): Tree {
  const at = reference.lastIndexOf(':')
  const tag = reference.slice(at + 1)
  const repository = reference.slice(0, at)
  return said(because, {
    // The chart puts the suffix on by itself.
    repository: repository.startsWith('qdrant/') ? `docker.io/${repository}` : repository,
    tag: tag.replace(/-unprivileged$/, ''),
    useUnprivilegedImage: tag.endsWith('-unprivileged'),
  })
}

/** What is set by environment and by no key of the chart's `config`. */
function environmentOf(env: Readonly<Record<string, string>>): readonly TreeMap[] {
  return Object.entries(env)
    .filter(([name]) => name.startsWith('QDRANT__STORAGE__PERFORMANCE__'))
    .map(([name, value]) => ({ name, value }))
}

/** Evaluated by the chart: its own names and the release's. */
const ownPods = [
  { key: 'app.kubernetes.io/name', operator: 'In', values: ['{{ include "qdrant.name" . }}'] },
  { key: 'app.kubernetes.io/instance', operator: 'In', values: ['{{ .Release.Name }}'] },
]

function apart(): Tree {
  return {
    podAntiAffinity: {
      requiredDuringSchedulingIgnoredDuringExecution: [
        { labelSelector: { matchExpressions: ownPods }, topologyKey: 'kubernetes.io/hostname' },
      ],
    },
  }
}

function spread(): Tree {
  return [
    {
      maxSkew: 1,
      topologyKey: 'topology.kubernetes.io/zone',
      whenUnsatisfiable: 'ScheduleAnyway',
      labelSelector: { matchExpressions: ownPods },
    },
  ]
}
