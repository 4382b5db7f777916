import { describe, expect, it } from 'vitest'
import { planUp } from '../../../../src/targets/local/plan-up.ts'
import type { Stack } from '../../../../src/stack/stack.ts'
import { replicaName, wantedProcess } from '../../../../src/supervision.ts'
import { allTiers, stackOf } from '../stacks.ts'
import { places, running, wantedOf } from './observations.ts'

const stack = stackOf(allTiers)
const embed = stack.tiers.embed
if (embed === undefined) throw new Error('the stack has no tier embed')

const split = (replicas: number, share: number): Stack => ({
  ...stack,
  split: { tier: 'embed', version: { ...embed, gpu: 'L4', replicas }, share },
})
const planned = (from: Stack, to: Stack): string[] =>
  planUp(
    { stack: 'handbook', by: 'ragscale rollout', wanted: wantedOf(to), heirless: [], replication: {} },
    running(wantedOf(from)),
    places,
  ).map(({ wave, what }) => `${wave} ${what}`)

describe('a tier of which two versions run', () => {
  it('has replicas of the second with addresses, seeds and names of their own', () => {
    const next = wantedOf(split(2, 5)).filter(({ release }) => release === 'next')
    expect(next.map(({ id }) => id)).toEqual(['embed-next-1', 'embed-next-2'])
    expect(next.map(replicaName)).toEqual(['next-1', 'next-2'])
    expect(next.map(({ config }) => config['port'])).toEqual([
      { $port: 'embed-next-1' },
      { $port: 'embed-next-2' },
    ])
    const seeds = wantedOf(split(2, 5)).flatMap(({ config, replica }) =>
      replica === null ? [] : [config['seed'] ?? []].flat(),
    )
    expect(new Set(seeds).size).toBe(seeds.length)
    for (const process of next) expect(wantedProcess.parse(process)).toEqual(process)
  })

  it('starts the second version before it gets requests', () => {
    expect(planned(stack, split(1, 5))).toEqual([
      '0 start embed-next-1 (tei)',
      '1 reconfigure embed-balancer',
    ])
  })

  it('shifts a share by telling the balancer, and nothing else', () => {
    expect(planned(split(1, 5), split(1, 25))).toEqual(['0 reconfigure embed-balancer'])
  })

  it('takes the share of the second version away before its replicas', () => {
    expect(planned(split(2, 50), stack)).toEqual([
      '0 reconfigure embed-balancer',
      '1 stop embed-next-2',
      '1 stop embed-next-1',
    ])
  })

  it('replaces the first version one by one while the second has all requests, and leaves nothing of the rest', () => {
    const { split: both, ...rest } = split(2, 100)
    const after: Stack = { ...rest, tiers: { ...stack.tiers, embed: { ...embed, gpu: 'L4' } } }
    expect(planned(split(2, 100), { ...after, ...(both && { split: both }) })).toEqual([
      '0 replace embed-1',
      '1 replace embed-2',
    ])
    expect(planned({ ...after, ...(both && { split: both }) }, after)).toEqual([
      '0 reconfigure embed-balancer',
      '1 stop embed-next-2',
      '1 stop embed-next-1',
    ])
  })
})
