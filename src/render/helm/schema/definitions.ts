/** What several values are made of. */
import { balancedTiers } from '../../../catalog/container.ts'
import {
  anyObject,
  closed,
  defined,
  flag,
  listOf,
  mapOf,
  named,
  oneOf,
  type Schema,
  text,
  whole,
} from './words.ts'

const port = defined('port')
const quantity = defined('quantity')

/** Keys that tiers and jobs share. */
const workload: Readonly<Record<string, Schema>> = {
  enabled: flag,
  image: defined('image'),
  command: listOf(text),
  args: listOf(text),
  env: mapOf(text, '^[A-Za-z_][A-Za-z0-9_]*$'),
  extraEnv: listOf(anyObject),
  tracesEnv: text,
  secrets: listOf(defined('secret')),
  ports: mapOf(port, '^[a-z0-9-]{1,15}$'),
  files: mapOf(text, '^/'),
  filesOverride: mapOf(text, '^/'),
  mounts: listOf(defined('mount')),
  sharedMemory: quantity,
  probes: closed({ startup: defined('probe'), readiness: defined('probe'), liveness: defined('probe') }),
  resources: closed({ requests: mapOf(quantity), limits: mapOf(quantity) }),
  gpus: whole(0),
  runAsRoot: flag,
  user: whole(1),
  group: whole(1),
  readOnlyRootFilesystem: flag,
  calls: closed({
    balanced: listOf(oneOf(...balancedTiers), { uniqueItems: true }),
    direct: mapOf(listOf(port)),
    internet: listOf(port),
  }),
  prefetch: text,
  terminationGracePeriodSeconds: whole(1),
  preStopSeconds: whole(0),
  nodeSelector: mapOf(text),
  tolerations: listOf(anyObject),
  affinity: anyObject,
  podLabels: mapOf(text),
  podAnnotations: mapOf(text),
  priorityClassName: text,
  runtimeClassName: text,
}

const tier: Readonly<Record<string, Schema>> = {
  ...workload,
  kind: oneOf('Deployment', 'StatefulSet'),
  tier: text,
  replicas: whole(0),
  metrics: closed({ portName: text, port, path: named('^/') }, ['portName', 'port', 'path']),
  frontDoor: listOf(port),
  rollout: closed({ maxSurge: defined('count'), maxUnavailable: defined('count') }),
  progressDeadlineSeconds: whole(1),
  apart: oneOf('required', 'preferred', 'none'),
  serviceType: oneOf('ClusterIP', 'LoadBalancer', 'NodePort'),
  serviceAnnotations: mapOf(text),
}

const always = ['enabled', 'image', 'resources', 'gpus', 'calls', 'terminationGracePeriodSeconds'] as const

const autoscaling = closed(
  {
    enabled: flag,
    min: whole(1),
    max: whole(1),
    target: { type: 'number', exclusiveMinimum: 0 },
    ceiling: { type: 'number', exclusiveMinimum: 0 },
    metric: text,
    metricName: named('^[a-z_][a-z0-9_]*$'),
    metricType: oneOf('AverageValue', 'Value'),
    query: named('.'),
    schedule: listOf(
      closed(
        {
          from: defined('cron'),
          to: defined('cron'),
          timezone: named('.'),
          replicas: whole(1),
        },
        ['from', 'to', 'timezone', 'replicas'],
      ),
    ),
  },
  ['enabled', 'min', 'max', 'target', 'metricName', 'metricType', 'query'],
)

export const definitions: Readonly<Record<string, Schema>> = {
  port: whole(1, 65_535),
  quantity: {
    type: ['string', 'number'],
    pattern: String.raw`^[0-9]+(\.[0-9]+)?([numkMGTPE]|[KMGTPE]i|[eE][0-9]+)?$`,
  },
  count: { anyOf: [whole(0), named('^[0-9]+%$')] },
  cron: named(String.raw`^\S+( \S+){4}$`),
  image: closed({
    repository: named('.'),
    tag: text,
    digest: named('^(sha256:[0-9a-f]{64})?$'),
    pullPolicy: oneOf('Always', 'IfNotPresent', 'Never'),
  }),
  secret: closed({ name: named('^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$'), fileEnv: text, optional: flag }, [
    'name',
  ]),
  mount: closed(
    {
      name: text,
      path: named('^/'),
      subPath: text,
      kind: oneOf('shared', 'own', 'scratch', 'memory'),
      size: quantity,
    },
    ['name', 'path', 'kind'],
  ),
  probe: {
    description: 'As Kubernetes has it, but for an initial delay: the startup probe waits.',
    type: 'object',
    not: { required: ['initialDelaySeconds'] },
  },
  peers: listOf(anyObject),
  controlPlane: closed({ to: defined('peers'), ports: listOf(port) }, ['to', 'ports']),
  claim: closed(
    {
      shared: flag,
      enabled: flag,
      existingClaim: text,
      size: quantity,
      accessModes: listOf(oneOf('ReadWriteOnce', 'ReadWriteMany', 'ReadOnlyMany', 'ReadWriteOncePod'), {
        minItems: 1,
      }),
      storageClassName: text,
      keep: flag,
    },
    ['shared', 'enabled', 'size', 'accessModes'],
  ),
  pool: closed(tier, ['replicas']),
  next: closed({ ...tier, weight: whole(0, 100) }, ['enabled', 'replicas', 'weight']),
  tier: closed(
    {
      ...tier,
      autoscaling,
      pools: closed({ retrieve: defined('pool'), generate: defined('pool') }),
      next: defined('next'),
    },
    [...always, 'kind', 'tier', 'replicas', 'readOnlyRootFilesystem'],
  ),
  job: closed({ ...workload, fetches: text, activeDeadlineSeconds: whole(1) }, [
    ...always,
    'activeDeadlineSeconds',
  ]),
}
