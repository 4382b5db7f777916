/** By which hosts a cluster lets callers in to the gateway, by the objects of a release. Pure. */
import { ExitCode, UserError } from '../../errors.ts'
import type { KubeObject } from './objects.ts'

interface Ingress extends KubeObject {
  readonly spec?: {
    readonly rules?: readonly { readonly host?: string }[]
    readonly tls?: readonly { readonly hosts?: readonly string[] }[]
  }
}

interface ParentRef {
  readonly kind?: string
  readonly name: string
  readonly namespace?: string
  readonly sectionName?: string
  readonly port?: number
}

interface HttpRoute extends KubeObject {
  readonly spec?: { readonly parentRefs?: readonly ParentRef[]; readonly hostnames?: readonly string[] }
}

/** Of the Gateway API. */
export interface Gateway extends KubeObject {
  readonly spec?: {
    readonly listeners?: readonly {
      readonly name: string
      readonly protocol: string
      readonly port: number
      readonly hostname?: string
    }[]
  }
  readonly status?: { readonly addresses?: readonly { readonly value: string }[] }
}

export interface GatewayName {
  readonly name: string
  /** Null: the route's own. */
  readonly namespace: string | null
}

/** URLs without a path, those with TLS first; a host of Ingress alone says whether it has TLS. */
export function hostsOf(objects: readonly KubeObject[], gateways: readonly Gateway[] = []): string[] {
  const found = [
    ...objects.filter((object): object is Ingress => object.kind === 'Ingress').flatMap(hostsOfIngress),
    ...routesIn(objects).flatMap((route) => hostsOfRoute(route, gateways)),
  ]
  return [...new Set(found)].sort((a, b) => Number(b.startsWith('https')) - Number(a.startsWith('https')))
}

/** By which the routes of a release come in: their listeners and addresses are on the cluster, and in no chart. */
export function gatewaysOf(objects: readonly KubeObject[]): GatewayName[] {
  const names = routesIn(objects).flatMap(parentsOf)
  return [...new Map(names.map((one) => [`${one.namespace ?? ''}/${one.name}`, one])).values()].map(
    ({ name, namespace }) => ({ name, namespace: namespace ?? null }),
  )
}

/**
 * Two releases are compared by calling each through the Gateway whose route shares them out.
 * @throws UserError (exit 3) where nobody can say at which address that is
 */
export function assertCallable(found: {
  readonly hosts: readonly string[]
  readonly gateways: readonly GatewayName[]
}): void {
  const [first] = found.gateways
  if (first === undefined || found.hosts.length > 0) return
  const where = first.namespace === null ? '' : ` --namespace ${first.namespace}`
  throw new UserError(
    `requests come in to the gateway by Gateway ${first.name}, and nobody can say at which address that is`,
    {
      hint: `kubectl${where} get gateway ${first.name} --output yaml   shows whether it is there, may be read, has a listener for HTTP and an address`,
      exitCode: ExitCode.missing,
      code: 'no-address',
    },
  )
}

function hostsOfIngress({ spec = {} }: Ingress): string[] {
  const secure = new Set((spec.tls ?? []).flatMap(({ hosts = [] }) => hosts))
  return (spec.rules ?? []).flatMap(({ host }) =>
    isName(host) ? [`${secure.has(host) ? 'https' : 'http'}://${host}`] : [],
  )
}

function hostsOfRoute(route: HttpRoute, gateways: readonly Gateway[]): string[] {
  return parentsOf(route).flatMap(({ name, namespace, sectionName, port }) => {
    const gateway = gateways.find(
      ({ metadata }) =>
        metadata.name === name && (namespace === undefined || metadata.namespace === namespace),
    )
    const addresses = (gateway?.status?.addresses ?? []).map(({ value }) => value)
    const listeners = (gateway?.spec?.listeners ?? []).filter(
      (listener) =>
        (sectionName === undefined || listener.name === sectionName) &&
        (port === undefined || listener.port === port) &&
        usualPorts[listener.protocol] !== undefined,
    )
    return listeners.flatMap((listener) => {
      const named = [...(route.spec?.hostnames ?? []), listener.hostname].filter(isName)
      return (named.length > 0 ? named : addresses).map((host) => urlOf(listener, host))
    })
  })
}

const usualPorts: Readonly<Record<string, number>> = { HTTP: 80, HTTPS: 443 }

function urlOf(
  { protocol, port }: { readonly protocol: string; readonly port: number },
  host: string,
): string {
  const authority = host.includes(':') ? `[${host}]` : host
  return `${protocol.toLowerCase()}://${authority}${port === usualPorts[protocol] ? '' : `:${port}`}`
}

function routesIn(objects: readonly KubeObject[]): HttpRoute[] {
  return objects.filter((object): object is HttpRoute => object.kind === 'HTTPRoute')
}

/** Those that are Gateways: a route of a mesh has a Service as its parent. */
function parentsOf({ spec = {} }: HttpRoute): readonly ParentRef[] {
  return (spec.parentRefs ?? []).filter(({ kind = 'Gateway' }) => kind === 'Gateway')
}

/** One that can be called: no pattern of several. */
function isName(host: string | undefined): host is string {
  return host !== undefined && !host.includes('*')
}
