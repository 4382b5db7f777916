/** What the chart is told of one workload: `tiers.<name>` or `jobs.<name>` of values.yaml. */
import type { Container, Image, Mount, SecretUse } from '../../catalog/container.ts'
import { said, section, type Tree, type TreeMap } from '../compose/document.ts'
import type { Topology, Workload } from '../topology.ts'
import { callsOf } from './calls.ts'
import { chartFileOf } from './config-files.ts'
import { literal } from './literal.ts'
import { probesOf } from './probes.ts'
import { cpuQuantity, memoryQuantity } from './quantities.ts'
import { startCommand } from '../secret-files.ts'
import { rolloutOf } from './rollout.ts'
import { scalingOf } from './scaling-values.ts'

/** A Deployment, or a StatefulSet for whoever keeps a volume or a name of its own. */
export function kindOf({ kind, tier, container }: Workload): 'Deployment' | 'StatefulSet' {
  if (kind === 'nodes') return 'StatefulSet'
  const keeps = container.mounts.some((mount) => mount.kind === 'own')
  return keeps && !models.has(tier) ? 'StatefulSet' : 'Deployment'
}

/** Tiers whose own volumes are caches (of compiled kernels): not worth a claim, and gone with the pod. */
const models = new Set(['embed', 'rerank', 'generate', 'gateway', 'worker'])

export function tierValues(workload: Workload, topology: Topology): Tree {
  const { name, because, count, tier } = workload
  return section(sentence(because), {
    enabled: true,
    kind: kindOf(workload),
    replicas: count,
    ...containerValues(workload, topology),
    ...rolloutOf(workload, topology.stack),
    ...scalingOf(workload, topology),
    ...(name === 'gateway' ? gatewayPools : {}),
    tier,
  })
}

export function jobValues(workload: Workload, topology: Topology): Tree {
  const { because, container } = workload
  const shared = container.mounts.find((mount) => mount.kind === 'shared')
  return section(sentence(because), {
    enabled: true,
    ...(shared === undefined ? {} : { fetches: shared.name }),
    ...containerValues(workload, topology),
    ...(shared === undefined ? {} : { command: oneAtATime(container, shared, workload.name) }),
    terminationGracePeriodSeconds: container.stop.preStopSeconds + container.stop.graceSeconds,
    activeDeadlineSeconds: shared === undefined ? 1800 : 14_400,
  })
}

/**
 * The job and the replicas of a tier begin to fetch at the same time, into the same folder: whoever comes second waits,
 * and finds everything there. `flock` is part of util-linux, without which no Debian or Ubuntu image is.
 */
function oneAtATime({ command, image }: Container, { path }: Mount, name: string): Tree {
  if (command === undefined)
    throw new Error(`${image.reference} fetches a model, so its folder must say its command`)
  return ['flock', `${path}/.${name}.lock`, ...command.map(literal)]
}

/** The gateway's other Deployments: none of them runs unless it is asked for. */
const gatewayPools = {
  pools: said(
    'Replicas of their own for a path, so that its load leaves the others alone; with 0 it is served by those above. Any key of this tier may be said again here.',
    { retrieve: { replicas: 0 }, generate: { replicas: 0 } },
  ),
  next: said(
    'The release that is being tried. Canary: raise weight (percent) step by step. Blue-green: weight 0, look at it with the header x-ragscale-release: next, then weight 100. Then make it the release above and turn it off.',
    { enabled: false, replicas: 1, weight: 0, image: {} },
  ),
}

function containerValues(workload: Workload, topology: Topology): TreeMap {
  const { name, container } = workload
  const { env, secrets, ports, health, files } = container
  // As on every target a shell reads what must be in the environment from the secret's file: a newline at the end of
  // the file is then no part of the value, which it would be by `secretKeyRef`.
  const start = startCommand(container)
  return {
    image: imageValues(container.image),
    command: start?.entrypoint.map(literal),
    args: (start?.command ?? container.args)?.map(literal),
    env: mapped(env, literal),
    ...(container.tracesEnv === undefined ? {} : { tracesEnv: container.tracesEnv }),
    ...(secrets.length === 0 ? {} : { secrets: secrets.map(secretValues) }),
    ...(Object.keys(ports).length === 0 ? {} : { ports: { ...ports } }),
    ...metricsValues(workload),
    ...(files.length === 0
      ? {}
      : {
          files: Object.fromEntries(files.map((file) => [file.path, chartFileOf(name, file)])),
        }),
    ...(container.mounts.length === 0 ? {} : { mounts: mountsOf(workload) }),
    ...(container.sharedMemoryBytes === null
      ? {}
      : { sharedMemory: memoryQuantity(container.sharedMemoryBytes) }),
    ...(health === null ? {} : { probes: probesOf(health) }),
    resources: resourceValues(container),
    gpus: container.gpus,
    ...identity(container),
    readOnlyRootFilesystem: container.readOnly,
    calls: callsValues(workload, topology),
    ...prefetchOf(workload, topology),
  }
}

function secretValues({ name, fileEnv, optional }: SecretUse): TreeMap {
  return { name, fileEnv, optional }
}

function imageValues(image: Image): Tree {
  return said(sentence(image.because), { ...imageParts(image.reference), pullPolicy: 'IfNotPresent' })
}

/** A reference in the parts that the chart is told. */
export function imageParts(reference: string): { repository: string; tag: string; digest?: string } {
  const [rest = '', digest] = reference.split('@')
  const at = rest.lastIndexOf(':')
  const tagged = at > rest.lastIndexOf('/')
  return {
    repository: tagged ? rest.slice(0, at) : rest,
    tag: tagged ? rest.slice(at + 1) : '',
    ...(digest === undefined ? {} : { digest }),
  }
}

function metricsValues({ metrics, container }: Workload): TreeMap {
  if (metrics === null) return {}
  const portName = Object.entries(container.ports).find(([, port]) => port === metrics.port)?.[0]
  if (portName === undefined) {
    throw new Error(`metrics are on port ${metrics.port}, and no port of the container is that`)
  }
  return { metrics: { portName, port: metrics.port, path: metrics.path } }
}

function mountsOf(workload: Workload): TreeMap[] {
  const stateful = kindOf(workload) === 'StatefulSet'
  return workload.container.mounts.map((mount) => ({
    name: mount.name,
    path: mount.path,
    kind: mount.kind === 'own' && !stateful ? 'scratch' : mount.kind,
    ...limited(mount, stateful),
  }))
}

/** A claim's size is said once, under `storage`. */
function limited({ kind, sizeBytes }: Mount, stateful: boolean): TreeMap {
  if (sizeBytes === null || kind === 'shared' || (kind === 'own' && stateful)) return {}
  return { size: memoryQuantity(sizeBytes) }
}

function resourceValues({ resources: { request, limit, because } }: Container): Tree {
  return said(sentence(because), {
    requests: { cpu: cpuQuantity(request.cpus), memory: memoryQuantity(request.memoryBytes) },
    limits: {
      ...(limit.cpus === null ? {} : { cpu: cpuQuantity(limit.cpus) }),
      memory: memoryQuantity(limit.memoryBytes),
    },
  })
}

function identity({ root, user }: Container): TreeMap {
  if (root) return { runAsRoot: true }
  if (user === undefined) return {}
  const [id = '', group = id] = user.split(':')
  return { user: Number(id), group: Number(group) }
}

function callsValues(workload: Workload, topology: Topology): Tree {
  const { balanced, direct, internet } = callsOf(workload, topology)
  return {
    ...(balanced.length === 0 ? {} : { balanced: [...balanced] }),
    ...(Object.keys(direct).length === 0 ? {} : { direct: mapped(direct, (ports) => [...ports]) }),
    ...(internet.length === 0 ? {} : { internet: [...internet] }),
  }
}

function prefetchOf({ after, kind }: Workload, { workloads }: Topology): TreeMap {
  if (kind === 'job') return {}
  const job = after.find(
    ({ name, until }) =>
      until === 'completed' &&
      workloads.some((other) => other.name === name && other.container.mounts.some(isShared)),
  )
  return job === undefined ? {} : { prefetch: job.name }
}

function isShared({ kind }: Mount): boolean {
  return kind === 'shared'
}

function mapped<From>(values: Readonly<Record<string, From>>, to: (value: From) => Tree): TreeMap {
  return Object.fromEntries(Object.entries(values).map(([key, value]) => [key, to(value)]))
}

/** A clause of the catalogue as a sentence of its own. */
function sentence(text: string): string {
  const begun = `${text.charAt(0).toUpperCase()}${text.slice(1)}`
  return begun.endsWith('.') ? begun : `${begun}.`
}
