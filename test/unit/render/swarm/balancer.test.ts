import { describe, expect, it } from 'vitest'
import type { Stack } from '../../../../src/stack/stack.ts'
import { allTiers, stackOf } from '../../targets/stacks.ts'
import { filesOf, yamlValue } from '../rendered-stack.ts'

function filesWith(component: string, split?: Stack['split']): ReadonlyMap<string, string> {
  const stack = stackOf(allTiers, `target: swarm\nbalancer: { component: ${component} }`)
  return filesOf(split === undefined ? stack : { ...stack, split }, 'swarm')
}

describe('the balancer of a swarm', () => {
  it.each([
    ['nginx', '/etc/nginx/nginx.conf', ['nginx', '-c', '/tmp/ragscale-nginx.conf', '-g', 'daemon off;']],
    [
      'haproxy',
      '/usr/local/etc/haproxy/haproxy.cfg',
      ['haproxy', '-f', '/tmp/ragscale-haproxy.cfg', '-W', '-db'],
    ],
  ])(
    '%s reads a copy of its config, which can be written over while it runs',
    (component, begins, program) => {
      const { balancer } = yamlValue(filesWith(component).get('stack.yaml') ?? '')
        .services as unknown as Record<
        string,
        { entrypoint: string[]; command: string[]; configs: { target: string }[] }
      >
      const [shell, flag, script, ...rest] = balancer?.entrypoint ?? []
      expect([shell, flag]).toEqual(['/bin/sh', '-c'])
      expect(script).toContain(`cp ${begins} /tmp/ragscale-`)
      expect(rest).toEqual(program)
      expect(balancer?.configs).toEqual([expect.objectContaining({ target: begins })])
    },
  )

  it('begins with every request to the version that was there, so that shares do not make another service of it', () => {
    const stack = stackOf(allTiers, 'target: swarm\nbalancer: { component: nginx }')
    const { embed } = stack.tiers
    if (embed === undefined) throw new Error('the stack has no tier embed')
    const split = filesWith('nginx', { tier: 'embed', version: { ...embed, replicas: 1 }, share: 25 })
    expect(split.get('balancer/nginx.conf')).toBe(filesWith('nginx').get('balancer/nginx.conf'))
    expect(split.get('stack.yaml')).toContain('embed-next:')
  })
})
