/** values.schema.json: what a release of the chart may be told. Helm holds every install and upgrade to it. */
import { balancedTiers } from '../../../catalog/container.ts'
import { nextOf } from '../../../catalog/releases.ts'
import { splitTiers, supportNames, tiers } from '../../../stack/stack.ts'
import { definitions } from './definitions.ts'
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

export function schemaText(): string {
  return `${JSON.stringify(schema, null, 2)}\n`
}

const peers = defined('peers')

const mayBeMissing: ReadonlySet<string> = new Set([
  'global',
  'nameOverride',
  'fullnameOverride',
  'imageRegistry',
  'imagePullSecrets',
])

const properties: Readonly<Record<string, Schema>> = {
  // Helm's own: values of a chart that this one is part of.
  global: anyObject,
  stack: named('.'),
  nameOverride: text,
  fullnameOverride: text,
  imageRegistry: text,
  imagePullSecrets: listOf(closed({ name: text }, ['name'])),
  cluster: closed({ domain: text, dns: text }, ['domain', 'dns']),
  limits: closed({
    replicas: { type: ['integer', 'null'], minimum: 1 },
    gpus: { type: ['integer', 'null'], minimum: 0 },
  }),
  secrets: closed(
    {
      existingSecret: text,
      create: flag,
      values: mapOf(text),
      names: mapOf(oneOf('required', 'optional')),
    },
    ['create', 'names'],
  ),
  pods: closed({
    labels: mapOf(text),
    annotations: mapOf(text),
    nodeSelector: mapOf(text),
    tolerations: listOf(anyObject),
    affinity: anyObject,
    priorityClassName: text,
    user: whole(1),
    whenUnevenlySpread: oneOf('ScheduleAnyway', 'DoNotSchedule'),
  }),
  gpus: closed({
    resource: named('^[a-z0-9.-]+/[A-Za-z0-9._-]+$'),
    spare: flag,
    runtimeClassName: text,
    nodeSelector: mapOf(text),
    tolerations: listOf(anyObject),
  }),
  storage: mapOf(defined('claim')),
  prefetch: closed({ enabled: flag, job: flag }),
  vector: closed({ mode: oneOf('own', 'official'), host: text, pods: peers }, ['mode']),
  autoscaling: closed({
    provider: oneOf('keda', 'hpa', 'none'),
    prometheus: closed({ url: named('^https?://'), authentication: anyObject }),
    pollingSeconds: whole(1),
    scaleDownSeconds: whole(0, 3600),
  }),
  routing: closed({
    provider: oneOf('none', 'ingress', 'gateway-api', 'istio', 'linkerd'),
    hosts: listOf(text),
    annotations: mapOf(text),
    timeoutSeconds: whole(1),
    paths: mapOf(oneOf('main', 'retrieve', 'generate'), '^/'),
    ingress: closed({ className: text, tlsSecret: text }),
    gateways: listOf(anyObject),
  }),
  networkPolicy: closed({
    enabled: flag,
    frontDoor: peers,
    monitoring: peers,
    tracing: peers,
    dns: peers,
    internet: peers,
    mesh: closed({ istio: defined('controlPlane'), linkerd: defined('controlPlane') }),
    extraEgress: listOf(anyObject),
  }),
  monitoring: closed({
    enabled: oneOf(true, false, 'auto'),
    labels: mapOf(text),
    interval: named('^[0-9]+(ms|s|m)$'),
    dashboards: closed({ enabled: flag, labels: mapOf(text), annotations: mapOf(text) }),
  }),
  tracing: closed({ endpoint: named('^(https?://.+)?$') }),
  quota: closed({ enabled: flag, hard: mapOf(defined('quantity')) }),
  rbac: closed({ operators: closed({ enabled: flag, subjects: listOf(anyObject) }) }),
  balancerPorts: closed(each(balancedTiers, defined('port'))),
  tiers: closed(
    each(
      // With a second version of one, for as long as it is rolled out.
      [...tiers, ...splitTiers.map(nextOf), ...supportNames, 'metadata-replica', 'balancer'],
      defined('tier'),
    ),
  ),
  jobs: mapOf(defined('job')),
}

const schema: Schema = {
  $schema: 'http://json-schema.org/draft-07/schema#',
  title: 'Values of the chart ragscale',
  description: 'What a release may be told.',
  ...closed(
    properties,
    Object.keys(properties).filter((name) => !mayBeMissing.has(name)),
  ),
  definitions,
}

function each(names: readonly string[], schema: Schema): Record<string, Schema> {
  return Object.fromEntries(names.map((name) => [name, schema]))
}
