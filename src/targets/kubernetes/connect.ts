/** How a release is called from this machine: by the host that its cluster lets in, else through forwarded ports. */
import { balancerPorts } from '../../catalog/container.ts'
import type { EndpointName } from '../../stack/stack.ts'
import { endpointTiers } from '../endpoint-tiers.ts'
import type { Connection, RunningEndpoints } from '../target.ts'
import { workloadOf } from './change-words.ts'
import { Cluster } from './cluster.ts'
import { objectsIn } from './manifest.ts'
import type { KubeObject } from './objects.ts'
import { forwardPorts } from './port-forward.ts'
import { ClusterUnreachable, type Programs } from './programs.ts'
import type { KubernetesObserved } from './steps.ts'
import { forwardNodes } from './vector-nodes.ts'

interface Service extends KubeObject {
  readonly spec?: { readonly clusterIP?: string; readonly ports?: readonly { readonly port: number }[] }
}

/** @throws UserError (exit 4) when kubectl cannot forward */
export async function connect(observed: KubernetesObserved, programs: Programs): Promise<Connection> {
  const { place, hosts, release } = observed
  const objects = objectsIn(release.manifest)
  const balancer = serviceOf(objects, 'balancer')
  const wanted = wantedPorts(balancer)
  const hosted: RunningEndpoints = hosts.length === 0 ? {} : { pipeline: hosts.slice(0, 1) }
  if (balancer === null || wanted.length === 0)
    return { endpoints: hosted, vectorNodes: [], close: async () => {} }
  const forwarded = await forwardPorts(
    `service/${balancer.metadata.name}`,
    wanted.map(({ port }) => port),
    place,
    programs,
  )
  const found = wanted.map(
    ({ name, port }) => [name, [`http://127.0.0.1:${forwarded.ports.get(port) ?? 0}`]] as const,
  )
  return {
    endpoints: { ...Object.fromEntries(found), ...hosted },
    vectorNodes: [],
    close: async () => await forwarded.close(),
  }
}

/**
 * As `connect`, for whoever asks a Qdrant cluster: node by node where it is the release's own.
 * @throws UserError (exit 4) when kubectl cannot forward
 */
export async function connectVector(observed: KubernetesObserved, programs: Programs): Promise<Connection> {
  const forwarded = await forwardNodes(observed.found, observed.place, programs)
  if (forwarded === null) return await connect(observed, programs)
  return {
    endpoints: {},
    vectorNodes: forwarded.nodes,
    obstacle: async () => await obstacleTo(new Cluster(observed.place, programs)),
    close: async () => await forwarded.close(),
  }
}

/** Whatever goes through forwarded ports goes through the API server. */
async function obstacleTo(cluster: Cluster): Promise<string | null> {
  try {
    await cluster.version()
    return null
  } catch (error) {
    if (!(error instanceof ClusterUnreachable)) return null
    return `the API server of context ${cluster.place.context} (${cluster.place.server}), through which they are asked, does not answer`
  }
}

function wantedPorts(balancer: Service | null): { readonly name: EndpointName; readonly port: number }[] {
  const listening = (balancer?.spec?.ports ?? []).map(({ port }) => port)
  return (Object.keys(endpointTiers) as EndpointName[])
    .map((name) => ({ name, port: balancerPorts[endpointTiers[name]] }))
    .filter(({ port }) => listening.includes(port))
}

function serviceOf(objects: readonly KubeObject[], workload: string): Service | null {
  const services = objects.filter(
    (object): object is Service => object.kind === 'Service' && workloadOf(object) === workload,
  )
  return services.find(({ spec }) => spec?.clusterIP !== 'None') ?? null
}
