/** By which hosts a cluster lets callers in to the gateway, by the objects of a release. Pure. */
import type { KubeObject } from './objects.ts'

interface Ingress extends KubeObject {
  readonly spec?: {
    readonly rules?: readonly { readonly host?: string }[]
    readonly tls?: readonly { readonly hosts?: readonly string[] }[]
  }
}

/** URLs without a path, those with TLS first; a host of Ingress alone says whether it has TLS. */
export function hostsOf(objects: readonly KubeObject[]): string[] {
  const found = objects
    .filter((object): object is Ingress => object.kind === 'Ingress')
    .flatMap(({ spec = {} }) => {
      const secure = new Set((spec.tls ?? []).flatMap(({ hosts = [] }) => hosts))
      return (spec.rules ?? []).flatMap(({ host }) =>
        host === undefined || host.includes('*') ? [] : [`${secure.has(host) ? 'https' : 'http'}://${host}`],
      )
    })
  return [...new Set(found)].sort((a, b) => Number(b.startsWith('https')) - Number(a.startsWith('https')))
}
