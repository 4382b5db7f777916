import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { parse } from 'yaml'
import { balancedTiersOf, portsOf } from '../../../../src/catalog/balancing.ts'
import { componentNamed } from '../../../../src/catalog/catalog.ts'
import type { Container } from '../../../../src/catalog/container.ts'
import { type BalancedTarget, balancingOf, renderBalancer } from '../../../../src/render/balancer/balancer.ts'
import type { Stack } from '../../../../src/stack/stack.ts'
import { arbitraryStack } from '../arbitrary-stack.ts'
import { presetStack } from '../preset-stack.ts'

const targets = ['compose', 'swarm', 'kubernetes'] as const satisfies readonly BalancedTarget[]
const software = ['nginx', 'haproxy', 'envoy'] as const

function balancedBy(stack: Stack, component: string, image?: string): Stack {
  const { image: _, ...balancer } = stack.balancer
  return { ...stack, balancer: { ...balancer, component, ...(image === undefined ? {} : { image }) } }
}

function containerOf(stack: Stack): Container {
  const addresses = { url: () => '', host: () => '', peer: () => '' }
  const container = componentNamed(stack.balancer.component)?.deploy?.({
    stack,
    tier: 'balancer',
    target: 'compose',
    addresses,
  })
  if (container === undefined) throw new Error(`${stack.balancer.component} is no container`)
  return container
}

describe('what a balancer is told', () => {
  test('each tier by a name that resolves to every replica, as the target has it', async () => {
    const stack = await presetStack('production', 'compose')
    const hosts = (target: BalancedTarget): string[] =>
      balancingOf(stack, target).upstreams.map(({ pools }) => pools[0].host)
    expect(hosts('compose')).toContain('embed')
    expect(hosts('swarm')).toContain('tasks.embed')
    expect(hosts('kubernetes')).toContain('{{ include `ragscale.replicas-host` (list . `embed`) }}')
  })

  test('Docker’s DNS server, or the cluster’s', async () => {
    const stack = await presetStack('production', 'compose')
    expect(balancingOf(stack, 'compose').resolver).toBe('127.0.0.11')
    expect(balancingOf(stack, 'kubernetes').resolver).toContain('.Values.cluster.dns')
  })

  test('to take turns among the nodes of the vector tier, and the stack’s policy everywhere else', async () => {
    const stack = await presetStack('production', 'compose', { 'balancer.policy': 'random' })
    for (const { tier, policy } of balancingOf(stack, 'compose').upstreams) {
      expect(policy).toBe(tier === 'vector' ? 'round-robin' : 'random')
    }
  })

  test('of room for twice the replicas, for what autoscaling may reach, and for the limit', async () => {
    const base = await presetStack('production', 'kubernetes')
    const embed = base.tiers.embed
    if (embed === undefined) throw new Error('the preset has no tier embed')
    const stack = (replicas: number, max: number, limit: number | null): Stack => ({
      ...base,
      limits: { ...base.limits, replicas: limit },
      tiers: {
        ...base.tiers,
        embed: { ...embed, replicas, autoscale: { min: 1, max, target: 8, schedule: [] } },
      },
    })
    const slots = (of: Stack): number | undefined =>
      balancingOf(of, 'kubernetes').upstreams.find(({ tier }) => tier === 'embed')?.slots
    expect(slots(stack(5, 6, null))).toBe(10)
    expect(slots(stack(2, 12, null))).toBe(12)
    expect(slots(stack(2, 3, 40))).toBe(40)
  })

  test('nothing of a tier that an API provider answers, except in a rehearsal', async () => {
    const base = await presetStack('production', 'compose')
    const { generate } = base.tiers
    if (generate === undefined) throw new Error('the preset has no tier generate')
    const provider = {
      url: 'https://api.example/v1',
      apiKeyEnv: 'EXAMPLE_API_KEY',
      requestsPerMinute: null,
      tokensPerMinute: null,
      inputPrice: null,
      outputPrice: null,
    }
    const stack: Stack = { ...base, tiers: { ...base.tiers, generate: { ...generate, provider } } }
    expect(balancedTiersOf(stack)).not.toContain('generate')
    expect(balancedTiersOf({ ...stack, rehearse: true })).toContain('generate')
  })
})

describe('the configuration of a balancer', () => {
  const cases = software.flatMap((component) => targets.map((target) => [component, target] as const))

  test.each(cases)(
    '%s on %s: whatever the stack, every tier has its port and its replicas',
    (component, target) => {
      fc.assert(
        fc.property(arbitraryStack(), (drawn) => {
          const stack = balancedBy(drawn, component)
          const { path, text } = renderBalancer(stack, target)
          expect(renderBalancer(stack, target)).toEqual({ path, text })
          expect(text.endsWith('\n')).toBe(true)
          for (const { listen, pools } of balancingOf(stack, target).upstreams) {
            expect(text).toContain(String(listen))
            expect(text).toContain(pools[0].host)
          }
          if (component === 'envoy') expect(() => parse(text)).not.toThrow()
          // The chart would evaluate anything else in double braces, too.
          const hosts = new Set([...text.matchAll(/\{\{.*?\}\}/g)].map(([host]) => host))
          const named = balancingOf(stack, target)
          const meant = [named.resolver, ...named.upstreams.map(({ pools }) => pools[0].host)]
          for (const host of hosts) expect(meant).toContain(host)
          expect(text.replaceAll(/\{\{.*?\}\}/g, '')).not.toMatch(/\{\{|\}\}/)
        }),
        { numRuns: 15 },
      )
    },
  )

  test.each(software)(
    '%s: no request that was sent is sent again, and no answer ejects a replica',
    async (component) => {
      const { text } = renderBalancer(
        balancedBy(await presetStack('production', 'compose'), component),
        'compose',
      )
      const directives = text.replaceAll(/^\s*#.*$/gm, '')
      expect(directives).not.toMatch(
        /non_idempotent|http_429|http_503|http_502|retry-on .*(all|response|50\d)|observe layer7/,
      )
      expect(directives).not.toMatch(/retry_on:.*(5xx|gateway-error|retriable)/)
    },
  )

  test('our own balancer stands before processes of one machine only', async () => {
    const stack = balancedBy(await presetStack('production', 'compose'), 'reference')
    expect(() => renderBalancer(stack, 'compose')).toThrow(/balancer\.component: reference/)
  })
})

describe('the container of a balancer', () => {
  test.each(software)(
    '%s: a port a tier and one for itself, no root, and time to end what it answers',
    async (component) => {
      const stack = balancedBy(await presetStack('production', 'compose'), component)
      const container = containerOf(stack)
      expect(container.ports).toEqual(portsOf(stack))
      expect(container.ports['status']).toBe(8090)
      expect(container.health?.http).toEqual({ path: '/healthz', port: 8090 })
      expect(container.root).toBe(false)
      expect(container.readOnly).toBe(true)
      expect(container.stop.graceSeconds).toBeGreaterThan(120 + container.stop.preStopSeconds)
    },
  )

  test.each(software)('%s: an image of the user’s own is taken as it is', async (component) => {
    const image = `registry.example/balancer@sha256:${'0'.repeat(64)}`
    const stack = balancedBy(await presetStack('production', 'compose'), component, image)
    expect(containerOf(stack).image.reference).toBe(image)
  })

  test.each([
    ['nginx:1.27.3-alpine', false],
    ['nginx:1.26', false],
    ['registry.example:5000/nginx:1.24.0', false],
    ['nginx:1.27.4', true],
    ['nginx:1.27', true],
    ['nginx:1.30.4-alpine-slim', true],
    ['nginx:stable', true],
    ['registry.example:5000/nginx', true],
  ])('nginx: %s can follow replicas that come and go: %s', async (image, can) => {
    const stack = balancedBy(await presetStack('production', 'compose'), 'nginx', image)
    if (can) expect(containerOf(stack).image.reference).toBe(image)
    else expect(() => containerOf(stack)).toThrow(/older than nginx 1\.27\.4/)
  })

  test.each([
    ['haproxy:3.2.0', false],
    ['haproxy:3.2.1-alpine', false],
    ['haproxy:2.4', false],
    ['haproxy:2.6.12', true],
    ['haproxy:3.2', true],
    ['haproxy:3.2.2', true],
    ['haproxy:lts', true],
  ])('haproxy: %s survives a replica that cannot be reached: %s', async (image, can) => {
    const stack = balancedBy(await presetStack('production', 'compose'), 'haproxy', image)
    if (can) expect(containerOf(stack).image.reference).toBe(image)
    else expect(() => containerOf(stack)).toThrow(/balancer\.image: haproxy:/)
  })
})
