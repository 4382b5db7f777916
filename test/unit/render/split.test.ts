import { describe, expect, it } from 'vitest'
import { balancingOf } from '../../../src/render/balancer/balancer.ts'
import { topologyOf } from '../../../src/render/workloads.ts'
import { type Stack, splitTiers } from '../../../src/stack/stack.ts'
import { allTiers, stackOf } from '../targets/stacks.ts'

const stack = stackOf(allTiers, 'target: compose\nbalancer: { component: nginx }')
const targets = ['compose', 'swarm'] as const

function split(tier: (typeof splitTiers)[number], share: number): Stack {
  const now = stack.tiers[tier]
  if (now === undefined) throw new Error(`the stack has no tier ${tier}`)
  return {
    ...stack,
    split: { tier, version: { ...now, image: 'registry.example/new:2', replicas: 3 }, share },
  }
}

describe.each(targets)('a stack on %s of which a tier has two versions', (target) => {
  it.each(splitTiers)(
    'renders %s a second time, under another name, and leaves the rest as it was',
    (tier) => {
      const before = topologyOf(stack, target).workloads
      const after = topologyOf(split(tier, 5), target).workloads
      const added = after.filter(({ name }) => !before.some((other) => other.name === name))
      const next = added.find(({ name }) => name === `${tier}-next`)
      expect(next).toMatchObject({
        tier,
        count: 3,
        container: { image: { reference: 'registry.example/new:2' } },
      })
      expect(added.every(({ name }) => name.endsWith('-next'))).toBe(true)
      for (const workload of before.filter(({ name }) => name !== 'balancer'))
        expect(after.find(({ name }) => name === workload.name)).toEqual(workload)
      // What it waits for is its own, or there already.
      for (const { after: waits } of added)
        for (const { name } of waits) expect(after.map((workload) => workload.name)).toContain(name)
    },
  )

  it('gives both to the balancer with their shares', () => {
    const upstream = balancingOf(split('embed', 25), target).upstreams.find(({ tier }) => tier === 'embed')
    const prefix = target === 'swarm' ? 'tasks.' : ''
    expect(upstream?.pools).toMatchObject([
      { name: 'embed', host: `${prefix}embed`, share: 75 },
      { name: 'embed-next', host: `${prefix}embed-next`, share: 25 },
    ])
    const other = balancingOf(split('embed', 25), target).upstreams.find(({ tier }) => tier === 'generate')
    expect(other?.pools).toMatchObject([{ name: 'generate', share: 100 }])
  })
})
