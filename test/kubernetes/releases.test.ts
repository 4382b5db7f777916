/** Two versions of a tier at once, on a real control plane whose nodes are played: which objects there are, and in which order. */
import { describe, expect, test } from 'vitest'
import type { ReplicaTier, Stack } from '../../src/stack/stack.ts'
import { namespace, onControlPlane, patience } from './on-control-plane.ts'

const { plane, given, left, versions, changedSince } = onControlPlane()

/** By which the route of a gateway comes in; nobody listens. */
const front = [
  { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'gateways' } },
  {
    apiVersion: 'gateway.networking.k8s.io/v1',
    kind: 'Gateway',
    metadata: { name: 'front', namespace: 'gateways' },
    spec: { gatewayClassName: 'none', listeners: [{ name: 'http', protocol: 'HTTP', port: 80 }] },
  },
]

describe('a second release of the gateway', () => {
  const shares = () => {
    const text = plane().kubectl(['get', 'httproute', 'laptop-ragscale', '-n', namespace, '-o', 'json'])
    const { spec } = JSON.parse(text) as {
      spec: { rules: { backendRefs: { name: string; weight: number }[] }[] }
    }
    const backends = spec.rules.at(-1)?.backendRefs ?? []
    return Object.fromEntries(backends.map(({ name, weight }) => [name, weight]))
  }
  const isThere = () => left().includes('deployment.apps/laptop-ragscale-gateway-next')

  test(
    'is given its share when it is ready, and takes the first one over without a gap',
    { timeout: 600_000 },
    async () => {
      const { command, write, bring } = await given('laptop')
      const routing = {
        provider: 'gateway-api',
        hosts: ['rag.test'],
        gateways: [{ name: 'front', namespace: 'gateways' }],
      }
      await write('deploy/helm/values.override.yaml', JSON.stringify({ routing }))
      plane().kubectl(['apply', '-f', '-'], JSON.stringify({ apiVersion: 'v1', kind: 'List', items: front }))
      expect((await command('up', ...patience)).code).toBe(0)
      const before = versions()
      const version = (stack: Stack) => ({
        ...(stack.tiers.gateway as ReplicaTier),
        image: 'registry.test/ragscale:2',
      })

      await bring((stack) => ({ ...stack, split: { tier: 'gateway', version: version(stack), share: 25 } }))
      expect(shares()).toEqual({ 'laptop-ragscale-gateway': 75, 'laptop-ragscale-gateway-next': 25 })
      expect(changedSince(before).filter((title) => title.startsWith('Deployment'))).toEqual([
        'Deployment laptop-ragscale-gateway-next',
      ])

      await bring((stack) => stack)
      expect([isThere(), shares()]).toEqual([false, { 'laptop-ragscale-gateway': 100 }])

      await bring((stack) => ({ ...stack, split: { tier: 'gateway', version: version(stack), share: 100 } }))
      await bring((stack) => ({ ...stack, tiers: { ...stack.tiers, gateway: version(stack) } }))
      expect([isThere(), shares()]).toEqual([false, { 'laptop-ragscale-gateway': 100 }])
      const format = 'jsonpath={.spec.template.spec.containers[0].image}'
      expect(
        plane().kubectl(['get', 'deployment/laptop-ragscale-gateway', '-n', namespace, '-o', format]),
      ).toBe('registry.test/ragscale:2')
    },
  )
})

describe('a second version of a tier behind the balancer', () => {
  test(
    'comes with its own pods, is sent its share, and leaves nothing behind',
    { timeout: 600_000 },
    async () => {
      const { command, bring } = await given('laptop')
      expect((await command('up', ...patience)).code).toBe(0)
      const version = (stack: Stack) => ({
        ...(stack.tiers.embed as ReplicaTier),
        image: 'registry.test/tei:2',
      })
      const at = (share: number) => async () =>
        await bring((stack) => ({ ...stack, split: { tier: 'embed', version: version(stack), share } }))
      const configuration = () =>
        plane().kubectl([
          'get',
          'configmap/laptop-ragscale-balancer',
          '-n',
          namespace,
          '-o',
          'jsonpath={.data}',
        ])
      await at(0)()
      expect(left()).toContain('deployment.apps/laptop-ragscale-embed-next')
      await at(25)()
      expect(configuration()).toContain('25% embed-next')
      await at(0)()
      expect(configuration()).not.toContain('25%')
      await bring((stack) => stack)
      expect(left().filter((name) => name.includes('embed-next'))).toEqual([])
    },
  )
})
