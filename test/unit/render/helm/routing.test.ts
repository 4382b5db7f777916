import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { describeWith } from '../../../tools/describe-with.ts'
import { chartFolder, one, type Release, releaseOf, type Values } from './release.ts'
import { chartOf } from './stacks.ts'
import { type Variant, variants, whole } from './variants.ts'

// Helm takes a second for a release, and more on a busy machine.
vi.setConfig({ testTimeout: 120_000 })

await describeWith('helm', 'Requests from outside', (program) => {
  let chart: { path: string; close: () => void }
  beforeAll(() => {
    chart = chartFolder(chartOf(whole))
  })
  afterAll(() => chart.close())
  const released = (variant: Variant, more: Values = {}): Release =>
    releaseOf(program, chart.path, variants[variant], more)

  test('find each path’s own pool behind an Ingress, and metrics behind none', () => {
    const release = released('an Ingress and pools')
    const [rule] = one(release, 'Ingress', 'demo-ragscale').spec.rules
    const paths = rule.http.paths as { path: string; backend: { service: { name: string } } }[]
    expect(Object.fromEntries(paths.map(({ path, backend }) => [path, backend.service.name]))).toEqual({
      '/generate': 'demo-ragscale-gateway-generate',
      '/query': 'demo-ragscale-gateway',
      '/retrieve': 'demo-ragscale-gateway-retrieve',
    })
    expect(one(release, 'Deployment', 'demo-ragscale-gateway-generate').spec.replicas).toBe(4)
  })

  test('fall to the main pool where a path has none of its own', () => {
    const release = released('an Ingress and pools', {
      tiers: { gateway: { pools: { generate: { replicas: 0 } } } },
    })
    expect(JSON.stringify(one(release, 'Ingress', 'demo-ragscale').spec)).not.toContain('gateway-generate')
  })

  test('are served by the pods of their pool alone', () => {
    const release = released('an Ingress and pools')
    const selector = one(release, 'Service', 'demo-ragscale-gateway').spec.selector
    for (const [pool, chosen] of [
      ['gateway', true],
      ['gateway-retrieve', false],
      ['gateway-generate', false],
    ] as const) {
      const { labels } = one(release, 'Deployment', `demo-ragscale-${pool}`).spec.template.metadata
      expect(Object.entries(selector).every(([key, value]) => labels[key] === value)).toBe(chosen)
    }
  })

  describe('while a release is tried', () => {
    test('are shared by weight, and a header asks for the new one or for the old', () => {
      const { rules } = one(released('the Gateway API and a canary'), 'HTTPRoute', 'demo-ragscale').spec
      const [next, ...others] = rules
      const [current, byPath] = [others.slice(0, 3), others.slice(3)]
      expect(next.matches[0].headers).toEqual([{ name: 'x-ragscale-release', value: 'next' }])
      expect(next.backendRefs).toEqual([{ name: 'demo-ragscale-gateway-next', port: 8080 }])
      const says = (release: string) => [
        {
          type: 'ResponseHeaderModifier',
          responseHeaderModifier: { set: [{ name: 'x-ragscale-release', value: release }] },
        },
      ]
      expect(next.filters).toEqual(says('next'))
      for (const { matches, backendRefs, filters } of current) {
        expect(filters).toEqual(says('current'))
        expect(matches[0].headers).toEqual([{ name: 'x-ragscale-release', value: 'current' }])
        expect(backendRefs[0].name).not.toContain('next')
      }
      for (const { backendRefs } of byPath) {
        expect(backendRefs.map(({ weight }: { weight: number }) => weight)).toEqual([90, 10])
      }
    })

    test('reach the image that is tried, and nothing else of it differs', () => {
      const release = released('the Gateway API and a canary')
      const [now, next] = ['gateway', 'gateway-next'].map(
        (name) => one(release, 'Deployment', `demo-ragscale-${name}`).spec.template.spec.containers[0],
      )
      expect(next.image).toBe('ragscale:0.2.0')
      expect({ ...next, image: now.image }).toEqual(now)
    })

    test('are answered by a configuration of its own, where it is given one', () => {
      const release = released('the Gateway API and a canary', {
        tiers: { gateway: { next: { filesOverride: { '/etc/ragscale/config.json': '{"topK": 9}' } } } },
      })
      const config = (name: string) =>
        one(release, 'ConfigMap', `demo-ragscale-${name}`).data['etc.ragscale.config.json']
      expect(config('gateway-next')).toBe('{"topK": 9}\n')
      expect(config('gateway')).toContain('"topK": 5')
      const { volumes } = one(release, 'Deployment', 'demo-ragscale-gateway-next').spec.template.spec
      expect(volumes).toContainEqual({
        name: 'config-gateway',
        configMap: { name: 'demo-ragscale-gateway-next' },
      })
    })

    test('all go to it when its weight is 100: blue-green', () => {
      const { http } = one(released('Istio, without a balancer'), 'VirtualService', 'demo-ragscale').spec
      for (const { route } of http.slice(4)) {
        expect(route.map(({ weight }: { weight: number }) => weight)).toEqual([0, 100])
      }
    })

    test('cannot be shared by an Ingress, which says so', () => {
      expect(() =>
        released('an Ingress and pools', { tiers: { gateway: { next: { enabled: true, weight: 5 } } } }),
      ).toThrow('ingress knows no weights')
    })
  })

  test('in a mesh are balanced by it: callers ask the tiers’ own Services', () => {
    const release = released('Istio, without a balancer')
    const config = JSON.parse(
      one(release, 'ConfigMap', 'demo-ragscale-gateway').data['etc.ragscale.config.json'] as string,
    ) as { embed: { url: string }; vector: { url: string } }
    expect(config.embed.url).toBe('http://demo-ragscale-embed:80')
    expect(config.vector.url).toBe('http://demo-ragscale-vector:6333')
    const { trafficPolicy } = one(release, 'DestinationRule', 'demo-ragscale-generate').spec
    expect(trafficPolicy.loadBalancer.simple).toBe('LEAST_REQUEST')
    // 429 and 503 are backpressure: they eject nobody.
    expect(trafficPolicy.outlierDetection).toMatchObject({
      consecutive5xxErrors: 0,
      consecutiveGatewayErrors: 0,
    })
  })

  test('are never asked twice of a language model', () => {
    const { http } = one(released('Istio, without a balancer'), 'VirtualService', 'demo-ragscale').spec
    for (const { retries } of http) expect(retries).toEqual({ attempts: 0 })
  })

  test('in Linkerd are shared where they meet the gateway’s Service', () => {
    const { parentRefs, rules } = one(released('Linkerd'), 'HTTPRoute', 'demo-ragscale').spec
    expect(parentRefs).toEqual([{ group: '', kind: 'Service', name: 'demo-ragscale-gateway', port: 8080 }])
    // By the header: the new one, the old one's three paths; then the paths.
    expect(rules.length).toBe(7)
  })

  test('of the vector tier go to the Qdrant that is released by itself, where there is one', () => {
    const release = released('the official Qdrant')
    expect(release.objects.filter(({ metadata }) => metadata.name === 'demo-ragscale-vector')).toEqual([])
    const { data } = one(release, 'ConfigMap', 'demo-ragscale-balancer')
    expect(data['etc.nginx.nginx.conf']).toContain('production-qdrant.rag.svc.cluster.local:6333')
  })
})
