import { describe, expect, test } from 'vitest'
import { nextValues, splitRefusal } from '../../../../src/targets/kubernetes/next-release.ts'
import type { Controller, KubeObject } from '../../../../src/targets/kubernetes/objects.ts'
import { topologyOf } from '../../../../src/render/workloads.ts'
import { presetStack } from '../../render/preset-stack.ts'
import { deploymentNamed } from './cluster-objects.ts'

const stack = await presetStack('laptop', 'kubernetes')
const { gateway } = stack.tiers
if (gateway === undefined) throw new Error('the preset has a gateway')
const current =
  topologyOf(stack, 'kubernetes').workloads.find(({ name }) => name === 'gateway')?.container.image
    .reference ?? ''
const split = {
  tier: 'gateway',
  version: { ...gateway, image: 'registry.test/ragscale:2' },
  share: 25,
} as const

function pool(name: 'main' | 'next', image: string, ready = true): Controller {
  const status = ready
    ? { replicas: 1, updatedReplicas: 1, readyReplicas: 1 }
    : { replicas: 1, updatedReplicas: 1, readyReplicas: 0 }
  const deployment = deploymentNamed(
    `laptop-ragscale-gateway${name === 'next' ? '-next' : ''}`,
    1,
    status,
    image,
  )
  return {
    ...deployment,
    metadata: {
      ...deployment.metadata,
      labels: { 'app.kubernetes.io/component': 'gateway', 'ragscale.com/pool': name },
    },
  }
}

function route(weight: number): KubeObject & { spec: object } {
  const backends = [
    { name: 'laptop-ragscale-gateway', weight: 100 - weight },
    { name: 'laptop-ragscale-gateway-next', weight },
  ]
  const asked = { backendRefs: [{ name: 'laptop-ragscale-gateway-next' }] }
  return {
    apiVersion: 'gateway.networking.k8s.io/v1',
    kind: 'HTTPRoute',
    metadata: { name: 'laptop-ragscale' },
    spec: { rules: [asked, { backendRefs: backends }] },
  }
}

const image = { repository: 'registry.test/ragscale', tag: '2' }

describe('a second release of the gateway', () => {
  test('comes without a share, and is given it when all of it is ready', () => {
    const wanted = { ...stack, split }
    const next = { enabled: true, replicas: 1, image }
    expect(nextValues(wanted, [], [])).toEqual({ ...next, weight: 0 })
    expect(nextValues(wanted, [], [pool('next', 'registry.test/ragscale:2', false)])).toEqual({
      ...next,
      weight: 0,
    })
    expect(nextValues(wanted, [], [pool('next', 'registry.test/ragscale:1')])).toEqual({ ...next, weight: 0 })
    expect(nextValues(wanted, [], [pool('next', 'mirror.test/registry.test/ragscale:2')])).toEqual({
      ...next,
      weight: 25,
    })
  })

  test('gives its share back before it goes', () => {
    const next = pool('next', 'registry.test/ragscale:2')
    const main = pool('main', current)
    expect(nextValues(stack, [main, next, route(25)], [main, next])).toEqual({
      enabled: true,
      replicas: 1,
      image,
      weight: 0,
    })
    expect(nextValues(stack, [main, next, route(0)], [main, next])).toBeNull()
  })

  test('answers on until the first release is what it was', () => {
    const next = pool('next', 'registry.test/ragscale:2')
    const promoted = { ...stack, tiers: { ...stack.tiers, gateway: split.version } }
    const keeping = { enabled: true, replicas: 1, image, weight: 100 }
    const old = pool('main', current)
    expect(nextValues(promoted, [old, next, route(100)], [old, next])).toEqual(keeping)
    const rolling = pool('main', 'registry.test/ragscale:2', false)
    expect(nextValues(promoted, [rolling, next, route(100)], [rolling, next])).toEqual(keeping)
    const done = pool('main', 'registry.test/ragscale:2')
    expect(nextValues(promoted, [done, next, route(100)], [done, next])).toEqual({ ...keeping, weight: 0 })
  })

  test('there is none of where nobody asked for it', () => {
    expect(nextValues(stack, [pool('main', current), route(0)], [])).toBeNull()
  })
})

test('what cannot be split says why, and what to do instead', () => {
  expect(splitRefusal('gateway', 'gateway-api', false)).toBeNull()
  expect(splitRefusal('gateway', 'none', true)).toContain(
    'set gateway-api, istio or linkerd in deploy/helm/values.override.yaml',
  )
  expect(splitRefusal('embed', 'none', true)).toBeNull()
  expect(splitRefusal('embed', 'none', false)).toContain('nothing shares the requests of embed out')
})
