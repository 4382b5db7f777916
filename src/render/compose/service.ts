/** One service of a Compose file. */
import { componentNamed } from '../../catalog/catalog.ts'
import type { Rendered } from '../rendered.ts'
import type { Topology, Workload } from '../topology.ts'
import { type Tree, type TreeMap, aliased, said } from './document.ts'
import {
  capabilitiesOf,
  environmentOf,
  healthcheckOf,
  labelsOf,
  resourcesOf,
  secretsOf,
  startFields,
} from './fields.ts'
import { ownFilesOf, watchingFilesOf } from './files.ts'
import { fingerprint } from './fingerprint.ts'
import { portText, publishedPorts } from './ports.ts'
import { durationText, memoryText } from './quantities.ts'
import type { Service } from './services.ts'
import { volumesOf } from './volumes.ts'

/** The one network of the stack. */
export const network = 'stack'

export interface ComposeContext {
  readonly topology: Topology
  readonly services: readonly Service[]
  /** What `render/observability` made of the topology. */
  readonly observability: Rendered
}

/** Where traces go, when somebody collects them: empty in the environment of `docker compose`, none are sent. */
export const tracesVariable = 'RAGSCALE_TRACES'

/** What all services of a workload have in common; `numbered` when they are a block of their own. */
export function sharedFields(workload: Workload, numbered: boolean, { topology }: ComposeContext): TreeMap {
  const { container, kind, name } = workload
  const { image, root, user, readOnly, sharedMemoryBytes, health, stop } = container
  const files = ownFilesOf(workload)
  return {
    '<<': aliased(kind === 'job' ? 'job' : 'service'),
    image: said(image.because, image.reference),
    ...(image.build === undefined ? {} : built),
    ...startFields(container),
    user: root ? undefined : user,
    read_only: readOnly ? true : undefined,
    cap_add: capabilitiesOf(container),
    devices: container.host?.devices?.map((path) => `${path}:${path}:r`),
    environment: withTraces(environmentOf(container), workload, topology),
    secrets: secretsOf(container),
    configs:
      files.length === 0 ? undefined : files.map(({ config, path }) => ({ source: config, target: path })),
    shm_size:
      sharedMemoryBytes === null
        ? undefined
        : said(
            'GPUs of one replica pass each other what they computed through it',
            memoryText(sharedMemoryBytes),
          ),
    networks: numbered ? { [network]: { aliases: [name] } } : undefined,
    healthcheck: healthcheckOf(health),
    stop_grace_period: durationText(stop.graceSeconds),
    deploy:
      numbered && container.gpus === 0 ? { resources: resourcesOf({ workload, number: null }) } : undefined,
  }
}

/** What a service has of its own: its name, its place in the order, its data, its GPUs. */
export function ownFields(service: Service, context: ComposeContext): TreeMap {
  const { workload, name, number, replicas } = service
  const { topology } = context
  const volumes = [...volumesOf(service), ...foldersOf(workload, context)]
  const counted = number === null && workload.kind === 'replicas'
  const ownResources = number === null || workload.container.gpus > 0
  return {
    hostname: workload.kind === 'nodes' ? name : undefined,
    ports: portsOf(workload, topology),
    volumes: volumes.length === 0 ? undefined : volumes,
    depends_on: dependsOn(service, context),
    deploy: ownResources
      ? {
          replicas: counted ? said(workload.because, replicas) : undefined,
          resources: resourcesOf(service, gpusOf(service)),
        }
      : undefined,
    labels: { ...labelsOf(service, topology.stack.name), ...configurationLabel(workload, context) },
    profiles: workload.profile === null ? undefined : [workload.profile],
  }
}

/** Nobody publishes the image: it is made from the folder beside this one, when it is missing, and never asked for elsewhere. */
const built: TreeMap = { build: '../image', pull_policy: 'never' }

function withTraces(
  environment: TreeMap,
  { container: { tracesEnv } }: Workload,
  { workloads }: Topology,
): TreeMap | undefined {
  const collected = tracesEnv !== undefined && workloads.some(({ name }) => name === 'collector')
  const all = collected ? { ...environment, [tracesEnv]: `\${${tracesVariable}:-}` } : environment
  return Object.keys(all).length === 0 ? undefined : all
}

function portsOf({ name }: Workload, topology: Topology): Tree[] | undefined {
  const published = publishedPorts(topology).filter(({ workload }) => workload === name)
  return published.length === 0 ? undefined : published.map((port) => said(port.what, portText(port)))
}

/**
 * Folders of configuration, whole: a file that somebody puts beside ours is seen too. Of Grafana's the ones below its
 * root, which holds files of the image as well.
 */
function foldersOf(workload: Workload, { topology, observability }: ComposeContext): Tree[] {
  const files = watchingFilesOf(topology, workload, observability)
  const folders = new Map<string, string>()
  for (const { source, path } of files) {
    const parts = source.split('/').slice(0, workload.name === 'grafana' ? 2 : 1)
    const rest = source.length - parts.join('/').length
    folders.set(parts.join('/'), path.slice(0, path.length - rest))
  }
  return [...folders].map(([source, target]) => ({
    type: 'bind',
    source: `./${source}`,
    target,
    read_only: true,
    bind: { create_host_path: false },
  }))
}

/**
 * What a service waits for. Members of a cluster that comes from nothing else wait for its first, which waits for none
 * of them.
 */
function dependsOn({ workload, number }: Service, { services }: ComposeContext): TreeMap | undefined {
  const waits: [string, TreeMap][] = workload.after.flatMap(({ name, until }) =>
    services
      .filter((other) => other.workload.name === name)
      .map((other): [string, TreeMap] => [
        other.name,
        {
          condition: until === 'completed' ? 'service_completed_successfully' : 'service_healthy',
          // It may not be asked for: then there is nothing to wait for.
          required:
            other.workload.profile !== null && other.workload.profile !== workload.profile
              ? false
              : undefined,
        },
      ]),
  )
  if (workload.kind === 'nodes' && workload.after.length === 0 && number !== null && number > 1) {
    waits.push([`${workload.name}-1`, { condition: 'service_healthy' }])
  }
  return waits.length === 0 ? undefined : Object.fromEntries(waits)
}

function gpusOf({ gpuIds, workload: { container } }: Service): TreeMap {
  if (container.host?.allGpus === true) return nvidia({ count: 'all' })
  if (gpuIds.length === 0) return {}
  const which = gpuIds.length === 1 ? 'its own GPU' : 'its own GPUs'
  return nvidia({ device_ids: said(`${which}, by the number that nvidia-smi shows`, gpuIds.map(String)) })
}

function nvidia(devices: TreeMap): TreeMap {
  return { devices: [{ driver: 'nvidia', ...devices, capabilities: ['gpu'] }] }
}

/**
 * What a container reads is not in what Compose compares: by this a changed file makes a new container. Not where it
 * takes up a changed file while it runs: `ragscale up` tells it to.
 */
function configurationLabel(workload: Workload, { topology, observability }: ComposeContext): TreeMap {
  if (componentNamed(workload.component)?.reload !== undefined) return {}
  const files = [...ownFilesOf(workload), ...watchingFilesOf(topology, workload, observability)]
  return files.length === 0
    ? {}
    : { 'com.ragscale.configuration': fingerprint(...files.map(({ text }) => text)) }
}
