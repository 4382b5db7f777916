import { Readable } from 'node:stream'
import { describe, expect, it } from 'vitest'
import type { Engine } from '../../../../src/targets/docker/engine.ts'
import {
  type FoundBalancer,
  type WantedBalancing,
  tellBalancer,
} from '../../../../src/targets/swarm/balancers.ts'
import { planUp, theFile } from '../../../../src/targets/swarm/plan-up.ts'
import { byRollout } from '../../../../src/targets/rollout.ts'
import type { SwarmStep } from '../../../../src/targets/swarm/steps.ts'
import { model, observed, places, running } from './swarms.ts'

const wanted = model()

function balancing(text: string, splits: boolean): WantedBalancing {
  const paths = { begins: '/etc/nginx/nginx.conf', reads: '/tmp/ragscale-nginx.conf', flag: '-c' }
  return { ...paths, text, splits, reload: { signal: 'SIGHUP', flag: '-c' } }
}

function balancer(text: string | null, over: Partial<FoundBalancer> = {}): FoundBalancer {
  return { name: 'balancer-1', container: 'c1', node: 'node-1', text, ...over }
}

interface Case {
  readonly by?: string
  readonly swarm?: Parameters<typeof observed>[0]
  readonly splits?: boolean
}

function plan(balancers: readonly FoundBalancer[], { by = byRollout, swarm, splits = true }: Case = {}) {
  return planUp(
    observed(swarm ?? running(wanted), wanted, {
      balancers,
      wanted: { balancing: balancing('new', splits) },
    }),
    places,
    by,
  )
}

const words = (steps: readonly SwarmStep[]) => steps.map(({ what, because }) => `${what}: ${because}`)

/** An engine whose clock is ten minutes behind, with one container that says what it does not like. */
function engineBehind(says: string): Engine {
  const nowMs = Date.now() - 600_000
  const frame = (text: string) => {
    const head = Buffer.alloc(8)
    head[0] = 2
    head.writeUInt32BE(Buffer.byteLength(text), 4)
    return Buffer.concat([head, Buffer.from(text)])
  }
  const container = {
    exec: async () => ({
      start: async () => Readable.from([]),
      inspect: async () => ({ ExitCode: 0 }),
    }),
    kill: async () => {},
    logs: async ({ since }: { since: number }) =>
      since * 1000 > nowMs ? Buffer.alloc(0) : frame(`${says}\n`),
  }
  return {
    docker: {
      getContainer: () => container,
      info: async () => ({ SystemTime: new Date(nowMs).toISOString() }),
    },
  } as unknown as Engine
}

describe('a balancer of a swarm', () => {
  it('that refuses its new configuration is heard whatever the time is where it runs', async () => {
    const says = 'nginx: [emerg] unknown directive "splits" in /tmp/ragscale-nginx.conf:7'
    await expect(
      tellBalancer(engineBehind(says), balancer('old'), balancing('new', true)),
    ).rejects.toMatchObject({ message: `balancer-1 does not take its new configuration: ${says}` })
    await expect(
      tellBalancer(engineBehind('signal process started'), balancer('old'), balancing('new', true)),
    ).resolves.toBeUndefined()
  })

  it('that goes by what it should is left alone', () => {
    expect(plan([balancer('new')])).toEqual([])
  })

  it('is told another configuration while it runs, and nothing is deployed for it', () => {
    expect(words(plan([balancer('old'), balancer('new', { name: 'balancer-2' })]))).toEqual([
      'reconfigure balancer-1: ragscale rollout changes where it sends requests',
    ])
  })

  it('is told of replicas after they have come, and before they go', () => {
    const without = running(wanted)
    const comes = plan([balancer('old')], {
      swarm: { ...without, services: without.services.filter(({ name }) => name !== 'embed') },
    })
    expect(comes.map(({ kind }) => kind)).toEqual(['write-state', 'change', 'deploy', 'reload'])
    expect(comes.at(-1)).toMatchObject({ when: 'after' })

    const [embed] = without.services
    const extra = { ...embed!, id: 'id-next', name: 'embed-next' }
    const goes = plan([balancer('old')], {
      swarm: { ...without, services: [...without.services, extra] },
      splits: false,
    })
    expect(goes.map(({ kind }) => kind)).toEqual(['write-state', 'reload', 'change', 'deploy'])
    expect(goes[1]).toMatchObject({ when: 'before' })
  })

  it('on another node cannot be told, and is named with what to do; without shares it is left alone', () => {
    const elsewhere = balancer(null, { node: 'node-2' })
    expect(() => plan([elsewhere])).toThrow(
      expect.objectContaining({
        exitCode: 3,
        message: expect.stringContaining('balancer-1 on node node-2') as string,
      }) as Error,
    )
    expect(plan([elsewhere], { splits: false })).toEqual([])
  })

  it('is brought back to what the file says by up, whatever it was told before', () => {
    expect(words(plan([balancer('old')], { by: theFile, splits: false }))).toEqual([
      'reconfigure balancer-1: ragscale.yaml changes where it sends requests',
    ])
  })
})

describe('a rollout in a swarm', () => {
  it('replaces the version before by the next one though nothing comes or goes, which scale does not', () => {
    const next = model({ image: 'ragscale:2' })
    const found = observed(running(wanted), next)
    expect(planUp(found, places, byRollout).map(({ what }) => what)).toContain('update embed')
    expect(planUp(found, places, 'ragscale scale')).toEqual([])
  })
})
