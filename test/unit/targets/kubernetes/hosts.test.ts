import { describe, expect, test } from 'vitest'
import {
  type Gateway,
  assertCallable,
  gatewaysOf,
  hostsOf,
} from '../../../../src/targets/kubernetes/hosts.ts'
import type { KubeObject } from '../../../../src/targets/kubernetes/objects.ts'

const route = (spec: object): KubeObject =>
  ({
    apiVersion: 'gateway.networking.k8s.io/v1',
    kind: 'HTTPRoute',
    metadata: { name: 'rag' },
    spec,
  }) as KubeObject

const gateway = (listeners: object[], addresses: string[] = ['10.0.0.7']): Gateway =>
  ({
    apiVersion: 'gateway.networking.k8s.io/v1',
    kind: 'Gateway',
    metadata: { name: 'front', namespace: 'gateways' },
    spec: { listeners },
    status: { addresses: addresses.map((value) => ({ value })) },
  }) as Gateway

const parentRefs = [{ name: 'front', namespace: 'gateways' }]
const http = { name: 'http', protocol: 'HTTP', port: 80 }

describe('a route of the Gateway API', () => {
  test('is called at the address of its Gateway, where it names no host', () => {
    expect(hostsOf([route({ parentRefs })], [gateway([http])])).toEqual(['http://10.0.0.7'])
    expect(hostsOf([route({ parentRefs })], [gateway([{ ...http, port: 8080 }])])).toEqual([
      'http://10.0.0.7:8080',
    ])
    expect(hostsOf([route({ parentRefs })], [gateway([http], ['fd00::7'])])).toEqual(['http://[fd00::7]'])
  })

  test('is called by its hosts where it names some, those with TLS first, patterns not', () => {
    const listeners = [http, { name: 'tls', protocol: 'HTTPS', port: 443 }]
    const hosts = hostsOf(
      [route({ parentRefs, hostnames: ['rag.test', '*.rag.test'] })],
      [gateway(listeners)],
    )
    expect(hosts).toEqual(['https://rag.test', 'http://rag.test'])
  })

  test('is called by the host of its listener, and by no listener that it does not name', () => {
    const listeners = [
      { ...http, hostname: 'a.test' },
      { ...http, name: 'other', port: 81, hostname: 'b.test' },
      { name: 'raw', protocol: 'TCP', port: 9000 },
    ]
    const named = [{ ...parentRefs[0], sectionName: 'other' }]
    expect(hostsOf([route({ parentRefs: named })], [gateway(listeners)])).toEqual(['http://b.test:81'])
  })

  test('is not called by a Gateway that nobody may read, nor by a mesh', () => {
    expect(hostsOf([route({ parentRefs, hostnames: ['rag.test'] })], [])).toEqual([])
    const mesh = route({ parentRefs: [{ kind: 'Service', name: 'gateway' }] })
    expect(gatewaysOf([mesh, route({ parentRefs })])).toEqual([{ name: 'front', namespace: 'gateways' }])
  })
})

test('releases behind a Gateway of which nobody knows the address are not compared', () => {
  const gateways = [{ name: 'front', namespace: 'gateways' }]
  expect(() => assertCallable({ hosts: [], gateways })).toThrow(
    'requests come in to the gateway by Gateway front, and nobody can say at which address that is',
  )
  expect(() => assertCallable({ hosts: ['http://10.0.0.7'], gateways })).not.toThrow()
  expect(() => assertCallable({ hosts: [], gateways: [] })).not.toThrow()
})

test('a host of Ingress alone says whether it has TLS', () => {
  const ingress = {
    apiVersion: 'networking.k8s.io/v1',
    kind: 'Ingress',
    metadata: { name: 'rag' },
    spec: { rules: [{ host: 'a.test' }, { host: 'b.test' }, {}], tls: [{ hosts: ['b.test'] }] },
  } as KubeObject
  expect(hostsOf([ingress])).toEqual(['https://b.test', 'http://a.test'])
})
