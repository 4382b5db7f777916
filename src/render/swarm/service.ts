/** One service of a stack file for `docker stack deploy`. */
import type { Health } from '../../catalog/container.ts'
import { type Tree, type TreeMap, aliased, said } from '../compose/document.ts'
import {
  capabilitiesOf,
  environmentOf,
  healthcheckOf,
  labelsOf,
  resourcesOf,
  secretsOf,
  startFields,
} from '../compose/fields.ts'
import type { MountedFile } from '../compose/files.ts'
import { durationText } from '../compose/quantities.ts'
import { isNumbered, type Service } from '../compose/services.ts'
import { memory, volumesOf } from '../compose/volumes.ts'
import type { Topology, Workload } from '../topology.ts'
import { balancerPlaces, startFrom } from './balancer.ts'
import { deployOf } from './deploy.ts'

/** The overlay network that all nodes of the swarm share. */
export const network = 'stack'

export interface SwarmContext {
  readonly topology: Topology
  readonly services: readonly Service[]
  /** Everything that a workload reads. */
  readonly filesOf: (workload: Workload) => readonly MountedFile[]
}

/** What all services of a workload have in common. */
export function sharedFields(workload: Workload, { filesOf }: SwarmContext): TreeMap {
  const { container, name } = workload
  const { root, user, readOnly, health, stop } = container
  const files = filesOf(workload)
  const environment = environmentOf(container)
  const told = balancerPlaces(workload)
  return {
    '<<': aliased('service'),
    ...imageOf(workload),
    ...startFields(container, told === null ? undefined : (start) => startFrom(told, start)),
    user: root ? undefined : user,
    read_only: readOnly ? true : undefined,
    cap_add: capabilitiesOf(container),
    environment: Object.keys(environment).length === 0 ? undefined : environment,
    secrets: secretsOf(container),
    configs:
      files.length === 0 ? undefined : files.map(({ config, path }) => ({ source: config, target: path })),
    // `tasks.<name>` is all tasks of the services with that name or alias.
    networks: isNumbered(workload, 'swarm') ? { [network]: { aliases: [name] } } : [network],
    healthcheck: healthcheckOf(workload.kind === 'nodes' ? alive(health) : health),
    stop_grace_period: durationText(stop.graceSeconds),
  }
}

/** What a service has of its own: its name, its data, where it runs and how it is replaced. */
export function ownFields(service: Service, { topology }: SwarmContext): TreeMap {
  const { workload, name } = service
  const labels = labelsOf(service, topology.stack.name)
  const volumes = [...volumesOf(service), ...sharedMemory(workload)]
  return {
    hostname: workload.kind === 'nodes' ? name : undefined,
    ports: frontDoor(workload),
    volumes: volumes.length === 0 ? undefined : volumes,
    // On the containers, which cAdvisor reads, and on the service, by which a stack is found.
    labels,
    deploy: deployOf(service, labels, resourcesOf(service, gpusOf(workload))),
  }
}

/**
 * A swarm tells a task's address to nobody before the task is healthy. A member of a cluster that has to catch up with
 * the others is not ready before they reach it: so it is asked whether it lives.
 */
function alive(health: Health | null): Health | null {
  if (health === null || health.http === null || health.livePath === null) return health
  const { path } = health.http
  const { livePath } = health
  return { ...health, command: health.command.map((part) => part.replaceAll(path, livePath)) }
}

/** Nobody publishes our own image: every node has it, or a registry of the user's that the variable names. */
function imageOf({ container: { image } }: Workload): TreeMap {
  if (image.build === undefined) return { image: said(image.because, image.reference) }
  const because = `${image.because}; on every node, or in the registry that RAGSCALE_REGISTRY names (with a slash at its end)`
  return { image: said(because, `\${RAGSCALE_REGISTRY:-}${image.reference}`) }
}

/** Swarm has no shm_size. */
function sharedMemory({ container: { sharedMemoryBytes } }: Workload): Tree[] {
  if (sharedMemoryBytes === null) return []
  return [
    said(
      'GPUs of one replica pass each other what they computed through it',
      memory('/dev/shm', sharedMemoryBytes),
    ),
  ]
}

/**
 * The gateway's port alone, since Swarm knows no 127.0.0.1; of the nodes that run a balancer, not by the routing mesh,
 * which needs IPVS in every kernel, hides who asks, and cuts what was silent for 15 minutes.
 */
function frontDoor({ name, container: { ports } }: Workload): Tree[] | undefined {
  const { gateway } = ports
  if (name !== 'balancer' || gateway === undefined) return undefined
  return [
    said('the front door: the gateway, on every address of a node that runs a balancer', {
      target: gateway,
      published: gateway,
      protocol: 'tcp',
      mode: 'host',
    }),
  ]
}

/** As many of what a node offers: the engine gives each task its own, and tells it by DOCKER_RESOURCE_GPU. */
function gpusOf({ container: { gpus } }: Workload): TreeMap {
  if (gpus === 0) return {}
  return { generic_resources: [{ discrete_resource_spec: { kind: 'GPU', value: gpus } }] }
}
