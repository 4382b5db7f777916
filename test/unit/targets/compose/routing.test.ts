import { describe, expect, test } from 'vitest'
import type { Balancing, Pool } from '../../../../src/catalog/balancing.ts'
import { fingerprint } from '../../../../src/render/compose/fingerprint.ts'
import type { FoundContainer } from '../../../../src/targets/docker/containers.ts'
import { planUp } from '../../../../src/targets/compose/plan.ts'
import type { ComposeObserved, ComposeStep } from '../../../../src/targets/compose/steps.ts'
import type { WantedService } from '../../../../src/targets/compose/wanted.ts'
import { asWanted, container, observed, service } from './found-stack.ts'

const path = 'files/balancer/nginx.conf'
const embed = service('embed', { replicas: 3 })
const balancer = service('balancer')
const wanted = [embed, balancer]

function balancingOf(...tiers: readonly ('embed' | 'generate')[]): Balancing {
  return {
    resolver: '127.0.0.11',
    upstreams: tiers.map((tier) => {
      const pool: Pool = { name: tier, host: tier, port: 80, share: 100 }
      const traffic = { maxBodyBytes: 1, silenceSeconds: 1, streams: false, readsWholeRequest: true }
      const policy = 'least-connections'
      return { tier, listen: 8081, policy, pools: [pool], healthPath: '/health', slots: 8, traffic }
    }),
  }
}

/** Behind a balancer that has read what is rendered, or something else. */
function behind(
  asked: readonly WantedService[],
  containers: readonly FoundContainer[],
  read: { text?: string; balancing?: Balancing | null } = {},
): ComposeObserved {
  const { text = 'new', balancing = null } = read
  const reload = { signal: 'SIGHUP', flag: '-c' } as const
  const told = { component: 'nginx', path, text: 'new', reload, balancing: balancingOf('embed') }
  return observed(asked, containers, {
    applied: { files: new Map([[path, 'new']]), balancer: told },
    state: new Map([[path, text]]),
    balancer: { reads: true, loaded: fingerprint(text), balancing },
  })
}

const words = (steps: readonly ComposeStep[]): string[] => steps.map(({ wave, what }) => `${wave} ${what}`)
const plan = (found: ComposeObserved): string[] => words(planUp(found, 'ragscale.yaml'))
const all = asWanted(wanted)
const older = (number: number): FoundContainer => {
  const one = container(embed, number)
  return { ...one, labels: { ...one.labels, 'com.docker.compose.config-hash': 'another' } }
}

describe('requests on Compose', () => {
  test('stay where they are until who comes is healthy', () => {
    const found = behind(wanted, [container(embed, 1), container(balancer)])
    expect(plan(found)).toEqual([
      '0 keep requests with embed-1',
      '1 start embed-2, embed-3 (software)',
      '2 reconfigure balancer',
    ])
    expect(planUp(found, '').at(-1)).toMatchObject({ because: 'every replica is to get requests again' })
  })

  test('are kept from nobody where nobody serves yet', () => {
    expect(plan(behind(wanted, [container(balancer)]))).toEqual([
      '0 start embed-1, embed-2, embed-3 (software)',
    ])
  })

  test('go to none that is about to be stopped', () => {
    const found = behind([{ ...embed, replicas: 1 }, balancer], all)
    expect(plan(found)).toEqual([
      '0 send no more requests to embed-2, embed-3',
      '1 stop embed-2',
      '1 stop embed-3',
      '2 reconfigure balancer',
    ])
    expect(planUp(found, '')[0]).toMatchObject({ kind: 'route', without: ['embed/2', 'embed/3'] })
  })

  test('go to all the others while one is replaced, those that serve nobody first', () => {
    const sick = { ...older(3), health: 'unhealthy' as const }
    const found = behind(wanted, [older(1), older(2), sick, container(balancer)])
    expect(plan(found)).toEqual([
      '0 replace embed-3, embed-1, embed-2, one at a time',
      '1 reconfigure balancer',
    ])
    expect(planUp(found, '')[0]).toMatchObject({
      kind: 'roll',
      replicas: [
        { id: 'embed/3', serves: false },
        { id: 'embed/1', serves: true },
        { id: 'embed/2', serves: true },
      ],
    })
  })

  test('have nowhere else to go from an only replica, which the plan says', () => {
    const found = behind([{ ...embed, replicas: 1 }, balancer], [older(1), container(balancer)])
    expect(planUp(found, '')).toMatchObject([
      {
        kind: 'apply',
        what: 'replace embed-1',
        because:
          'its definition has changed since; it is the only one: there is no embed until it is healthy',
      },
    ])
  })

  test('go to those that are too many while the one that stays is replaced, and only then to it', () => {
    const found = behind(
      [{ ...embed, replicas: 1 }, balancer],
      [older(1), older(2), older(3), container(balancer)],
    )
    expect(plan(found)).toEqual([
      '0 replace embed-1',
      '1 send no more requests to embed-2, embed-3',
      '2 stop embed-2',
      '2 stop embed-3',
      '3 reconfigure balancer',
    ])
  })

  test('are not routed where the balancer cannot be told while it runs; one goes at a time all the same', () => {
    const found = observed(wanted, [older(1), older(2), older(3), container(balancer)])
    expect(planUp(found, '')).toMatchObject([{ kind: 'roll', routed: null }])
  })

  test('follow what the balancer was told before, until all has come that it is to be told of', () => {
    const told = balancingOf('embed', 'generate')
    const found = behind(wanted, [container(embed, 1), container(balancer)], { text: 'old', balancing: told })
    expect(planUp(found, '')).toMatchObject([
      { kind: 'route', balancing: told },
      { kind: 'apply' },
      { kind: 'reload', balancing: balancingOf('embed') },
    ])
  })

  test('are not routed by a configuration that leaves out who still serves', () => {
    const generate = container(service('generate'))
    const found = behind(wanted, [container(embed, 1), generate, container(balancer)], { text: 'old' })
    expect(plan(found)).toEqual([
      '0 start embed-2, embed-3 (software)',
      '1 reconfigure balancer',
      '2 stop generate-1',
    ])
    expect(planUp(found, '')[1]).toMatchObject({ lingers: true })
  })

  test('are given back to all by the next up, where one was killed that had chosen', () => {
    expect(plan(behind(wanted, all, { text: 'chosen', balancing: balancingOf('embed') }))).toEqual([
      '0 reconfigure balancer',
    ])
  })
})

test('a replica that is missing among others is made with its own number', () => {
  const found = behind(wanted, [container(embed, 2), container(embed, 3), container(balancer)])
  expect(plan(found)).toEqual([
    '0 keep requests with embed-2, embed-3',
    '1 start embed-1 (software)',
    '2 reconfigure balancer',
  ])
  expect(planUp(found, '')[1]).toMatchObject({ kind: 'roll', replicas: [{ number: 1, id: null }] })
})
