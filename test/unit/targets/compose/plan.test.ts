import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { fingerprint } from '../../../../src/render/compose/fingerprint.ts'
import type { FoundContainer } from '../../../../src/targets/docker/containers.ts'
import { planDown } from '../../../../src/targets/compose/plan-down.ts'
import { planUp } from '../../../../src/targets/compose/plan.ts'
import type { ComposeObserved, ComposeStep } from '../../../../src/targets/compose/steps.ts'
import type { WantedService } from '../../../../src/targets/compose/wanted.ts'
import { asWanted, container, observed, service } from './found-stack.ts'

const vectors = [1, 2].map((number) =>
  service(`vector-${number}`, {
    number,
    ...(number === 1 ? {} : { after: [{ service: 'vector-1', until: 'healthy' as const }] }),
  }),
)
const collection = service('collection', {
  tier: 'vector',
  job: true,
  after: [{ service: 'vector-1', until: 'healthy' }],
})
const gateway = service('gateway', { replicas: 2, after: [{ service: 'collection', until: 'completed' }] })
const balancer = service('balancer')
const wanted = [...vectors, collection, gateway, balancer]

const told = (steps: readonly ComposeStep[]): string[] =>
  steps.map(({ wave, what, because }) => `${wave} ${what}: ${because}`)
const plan = (found: ComposeObserved, by = 'ragscale.yaml'): string[] => told(planUp(found, by))

/** What the wanted stack is but for one service’s containers. */
function but(name: string, containers: readonly FoundContainer[]): FoundContainer[] {
  return [
    ...asWanted(wanted).filter(({ labels }) => labels['com.docker.compose.service'] !== name),
    ...containers,
  ]
}

describe('up on Compose', () => {
  test('starts everything at once where nothing runs, with what each is asked for by', () => {
    expect(plan(observed(wanted, []))).toEqual([
      '0 start vector-1 (software): ragscale.yaml asks for 2 of vector, none runs',
      '0 start vector-2 (software): ragscale.yaml asks for 2 of vector, none runs',
      '0 run collection: it has not run yet',
      '0 start gateway-1, gateway-2 (software): ragscale.yaml asks for 2 of gateway, none runs',
      '0 start balancer (software): ragscale.yaml asks for 1 of balancer, none runs',
    ])
  })

  test('has nothing to do where all is as it should be', () => {
    expect(plan(observed(wanted, asWanted(wanted)))).toEqual([])
  })

  test('has the health checked again of what ran on without its engine, before it is waited for', () => {
    const [one, other] = [container(gateway, 1, { health: 'starting' }), container(gateway, 2)]
    expect(plan(observed(wanted, but('gateway', [one, other]), { unchecked: [one.id] }))).toEqual([
      '0 have the health of gateway-1 checked again: it may have run on while the Docker engine was away, which then checks it no longer',
      '1 wait for gateway-1: it is starting',
    ])
    expect(plan(observed(wanted, asWanted(wanted), { unchecked: [other.id] }))).toHaveLength(1)
  })

  test('writes what is not as it is rendered, and makes secrets, before anything starts', () => {
    const change = { path: 'compose/compose.yaml', kind: 'changed', before: 'a', after: 'b' } as const
    const found = observed(wanted, asWanted(wanted), {
      comparison: {
        ...observed([], []).comparison,
        changes: [change, { ...change, path: 'compose/gateway/config.json' }],
      },
      secrets: [
        { name: 'qdrant-api-key', there: false, optional: false, readBy: ['vector', 'gateway'] },
        { name: 'huggingface-token', there: false, optional: true, readBy: ['generate'] },
        { name: 'redis-password', there: true, optional: false, readBy: ['cache'] },
      ],
    })
    expect(plan(found)).toEqual([
      '0 write deploy/compose/compose.yaml (and 1 more): it is not what ragscale.yaml says',
      '0 make the secret qdrant-api-key: vector, gateway needs it',
      '0 leave the secret huggingface-token empty: generate can do without it',
    ])
  })

  test('leaves deploy/ alone where the stack departs from its file', () => {
    const change = { path: 'compose/compose.yaml', kind: 'changed', before: 'a', after: 'b' } as const
    const found = observed(wanted, asWanted(wanted), {
      departs: true,
      comparison: { ...observed([], []).comparison, changes: [change] },
      applied: { files: new Map([['compose.yaml', 'b']]), balancer: null },
    })
    expect(plan(found)).toEqual(['0 write .ragscale/compose: deploy/ stays what ragscale.yaml says'])
  })

  test('gets an image first that is not there: by pulling it, or by building our own', () => {
    const images = { ...observed(wanted, []).images, 'vector-1:1': null, 'gateway:1': null }
    const building = wanted.map((one) =>
      one.name === 'gateway' ? { ...one, build: { context: '/rag/deploy/image' } } : one,
    )
    const steps = plan(observed(building, [], { images }))
    expect(steps.slice(0, 3)).toEqual([
      '0 pull vector-1:1: vector: it is not on this engine',
      '0 build gateway:1: gateway: it is not on this engine',
      '1 start vector-1 (software): ragscale.yaml asks for 2 of vector, none runs',
    ])
  })

  test('does not pull for what needs no change', () => {
    const images = { ...observed(wanted, []).images, 'vector-1:1': null }
    expect(plan(observed(wanted, asWanted(wanted), { images }))).toEqual([])
  })

  test('replaces what was made of another definition, of another image, or of one that was made again', () => {
    const old = { 'com.docker.compose.config-hash': 'another' }
    const [first] = vectors
    if (first === undefined) throw new Error('there is one')
    const made = container(first)
    const other = { ...made, labels: { ...made.labels, ...old } }
    expect(plan(observed(wanted, but('vector-1', [other])))).toEqual([
      '0 replace vector-1: its definition has changed since',
    ])
    expect(plan(observed(wanted, but('vector-1', [{ ...other, image: 'vector:0' }])))).toEqual([
      '0 replace vector-1: its image is vector:0, and vector-1:1 is wanted',
    ])
    expect(plan(observed(wanted, but('vector-1', [{ ...made, imageId: 'sha256:old' }])))).toEqual([
      '0 replace vector-1: vector-1:1 is another image since it started',
    ])
  })

  test('replaces one service after another, so that the tier goes on serving', () => {
    const old = asWanted(wanted).map((one) => ({ ...one, imageId: 'sha256:old' }))
    expect(plan(observed(wanted, old)).map((line) => line.split(':')[0])).toEqual([
      '0 run collection again',
      '1 replace vector-1, vector-2, one at a time',
      '2 replace gateway-1, gateway-2, one at a time',
      '3 replace balancer',
    ])
  })

  test('replaces what does not run together with what may be waiting for it', () => {
    const broken = container(balancer, 1, { status: 'exited', exitCode: 1, imageId: 'sha256:old' })
    const waits = container(collection, 1, { status: 'running' })
    const found = observed(wanted, [...but('balancer', [broken]).filter(({ id }) => id !== waits.id), waits])
    expect(planUp(found, 'ragscale.yaml').map(({ wave, what }) => `${wave} ${what}`)).toEqual([
      '0 wait for collection',
      '0 replace balancer',
    ])
  })

  test.each([
    ['killed', { status: 'exited', exitCode: 137 }, 'start gateway-2 again: it was killed (exit 137)'],
    [
      'out of memory',
      { status: 'exited', exitCode: 137, oomKilled: true, memoryLimitBytes: 2 ** 30 },
      'start gateway-2 again: it ran out of its memory of 1.0 GiB and was killed (OOM)',
    ],
    ['never started', { status: 'created' }, 'start gateway-2 again: it was made and never started'],
    [
      'unhealthy',
      { health: 'unhealthy', healthSays: 'connection refused' },
      'restart gateway-2: it is unhealthy: its health check fails: connection refused',
    ],
    [
      'restarting',
      { status: 'restarting', exitCode: 1 },
      'restart gateway-2: it is restarting: it ended with exit 1',
    ],
    ['starting', { health: 'starting' }, 'wait for gateway-2: it is starting'],
  ] satisfies [string, Partial<FoundContainer>, string][])('mends a replica that is %s', (_, state, says) => {
    const sick = container(gateway, 2, state)
    expect(plan(observed(wanted, but('gateway', [container(gateway), sick])))).toEqual([`0 ${says}`])
  })

  test('makes anew what the engine left half started, and leaves the other replicas alone', () => {
    const embed = service('embed', { replicas: 2 })
    const error = 'task 0d9f: already exists: unknown'
    const stuck = container(embed, 2, { status: 'created', error, health: null, pid: null })
    const steps = planUp(observed([embed], [container(embed), stuck]), 'ragscale.yaml')
    expect(steps).toMatchObject([
      { wave: 0, kind: 'remove', id: 'embed/2', what: 'remove embed-2, to make it anew' },
      { wave: 1, kind: 'apply', what: 'start embed-2 (software)', alone: true },
    ])
  })

  test('runs a job again that failed, and not one that has run', () => {
    const failed = container(collection, 1, { exitCode: 1, restarts: 5 })
    expect(plan(observed(wanted, but('collection', [failed])))).toEqual([
      '0 run collection again: it ended with exit 1',
    ])
  })

  test('adds and stops replicas by their count, those with the highest numbers first to go', () => {
    const third = container(gateway, 3)
    expect(plan(observed(wanted, [...asWanted(wanted), third]), 'ragscale scale')).toEqual([
      '0 stop gateway-3: ragscale scale asks for 2 of gateway',
    ])
    expect(plan(observed(wanted, but('gateway', [container(gateway)])))).toEqual([
      '0 start gateway-2 (software): ragscale.yaml asks for 2 of gateway, 1 runs',
    ])
  })

  test('stops what is asked for no longer, but not what a profile that is not asked for left running', () => {
    const rerank = container(service('rerank'))
    const grafana = container(service('grafana', { tier: 'observability' }))
    const found = observed(wanted, [...asWanted(wanted), rerank, grafana], { dormant: ['grafana'] })
    expect(plan(found)).toEqual(['0 stop rerank-1: ragscale.yaml has no rerank'])
  })

  test('touches nothing else where all that a replica waits for is there', () => {
    const started = planUp(observed(wanted, but('gateway', [])), 'ragscale.yaml')
    expect(started).toMatchObject([{ kind: 'apply', alone: true }])
    const first = planUp(observed(wanted, []), 'ragscale.yaml')
    expect(first.find(({ what }) => what.startsWith('start gateway'))).toMatchObject({ alone: false })
  })
})

describe('the balancer’s configuration', () => {
  const reload = { signal: 'SIGHUP' } as const
  const path = 'files/balancer/nginx.conf'
  const balancing = { upstreams: [], resolver: '127.0.0.11' }
  const told = { component: 'nginx', path, text: 'new', reload, balancing }
  const applied = { files: new Map([[path, 'new']]), balancer: told }

  test('is taken up while it runs, after what it is to call has come and before what it called goes', () => {
    const next = service('embed-next', { tier: 'embed' })
    const gone = container(service('rerank'))
    const found = observed([...wanted, next], [...asWanted(wanted), gone], {
      applied,
      state: new Map([[path, 'old']]),
      balancer: { reads: true, loaded: fingerprint('old'), balancing: null },
    })
    expect(plan(found).map((line) => line.split(':')[0])).toEqual([
      '0 start embed-next-1 (software)',
      '1 reconfigure balancer',
      '2 stop rerank-1',
    ])
  })

  test('is read once: written and not read, by whom it was cut off, it is read again', () => {
    const found = { applied, state: new Map([[path, 'new']]) }
    const after = (loaded: string | null) =>
      plan(
        observed(wanted, asWanted(wanted), { ...found, balancer: { reads: true, loaded, balancing: null } }),
      )
    expect(after(fingerprint('new'))).toEqual([])
    expect(after(null)).toEqual(['0 reconfigure balancer: ragscale.yaml changes where it sends requests'])
  })

  test('makes a balancer anew that reads another file', () => {
    const found = observed(wanted, asWanted(wanted), {
      applied,
      state: new Map([[path, 'new']]),
      balancer: { reads: false, loaded: null, balancing: null },
    })
    expect(planUp(found, 'ragscale.yaml')).toMatchObject([
      { kind: 'apply', force: true, what: 'replace balancer' },
    ])
  })
})

describe('down on Compose', () => {
  test('ends what answers from outside first, and keeps volumes unless it is told', () => {
    const found = observed(wanted, asWanted(wanted), { volumes: ['handbook_vector-data-1'] })
    expect(told(planDown(found, { volumes: false }))).toEqual([
      '0 stop balancer: ragscale down',
      '1 stop gateway-1: ragscale down',
      '1 stop gateway-2: ragscale down',
      '2 stop vector-1: ragscale down',
      '2 stop vector-2: ragscale down',
      '2 remove collection: ragscale down',
      '3 remove the network handbook_stack: ragscale down',
    ])
    expect(told(planDown(found, { volumes: true })).at(-1)).toBe(
      '4 remove the volume handbook_vector-data-1: ragscale down --volumes',
    )
  })
})

/** What an engine would be after the steps: the model that the executor is held to by the tests on a real one. */
function done(found: ComposeObserved, steps: readonly ComposeStep[]): ComposeObserved {
  let containers = [...found.containers]
  const images = { ...found.images }
  for (const step of steps) {
    if (step.kind === 'pull' || step.kind === 'build') images[step.image] = `sha256:${step.image}`
    if (step.kind === 'remove') containers = containers.filter(({ id }) => id !== step.id)
    // Who restarts one replica waits until the whole service is healthy.
    if (step.kind === 'restart')
      containers = containers.map((one) =>
        one.labels['com.docker.compose.service'] === step.service.name
          ? { ...one, status: 'running', health: 'healthy' }
          : one,
      )
    const services =
      step.kind === 'apply'
        ? [step.service]
        : step.kind === 'roll'
          ? [...new Set(step.replicas.map((replica) => replica.service))]
          : []
    for (const made of services)
      containers = [
        ...containers.filter(({ labels }) => labels['com.docker.compose.service'] !== made.name),
        ...asWanted([made]),
      ]
  }
  return observed(found.wanted, containers, { images, dormant: found.dormant })
}

describe('for any stack, in any state', () => {
  const states: Partial<FoundContainer>[] = [
    {},
    { status: 'exited', exitCode: 137 },
    { status: 'created' },
    { status: 'restarting', exitCode: 1 },
    { health: 'unhealthy' },
    { health: 'starting' },
    { imageId: 'sha256:old' },
    { image: 'other:1', labels: {} },
  ]
  const state = fc.constantFrom(...states)
  const stack = fc
    .record({
      gateways: fc.integer({ min: 1, max: 4 }),
      nodes: fc.integer({ min: 1, max: 4 }),
      hasRerank: fc.boolean(),
    })
    .map(({ gateways, nodes, hasRerank }): WantedService[] => [
      ...Array.from({ length: nodes }, (_, index) => service(`vector-${index + 1}`, { number: index + 1 })),
      { ...collection, after: [{ service: 'vector-1', until: 'healthy' }] },
      { ...gateway, replicas: gateways },
      ...(hasRerank ? [service('rerank', { replicas: 2 })] : []),
      balancer,
    ])
  const situation = fc
    .tuple(
      stack,
      stack,
      fc.array(state, { minLength: 16, maxLength: 16 }),
      fc.array(fc.boolean(), { minLength: 16, maxLength: 16 }),
    )
    .map(([asked, ran, how, there]) => {
      const containers = asWanted(ran)
        .filter((_, index) => there[index % there.length])
        .map((one, index): FoundContainer => {
          const change = how[index % how.length] ?? {}
          return { ...one, ...change, labels: { ...one.labels, ...change.labels } }
        })
      return observed(asked, containers)
    })

  test('doing what is planned leaves nothing to plan', () => {
    fc.assert(
      fc.property(situation, (found) => {
        const after = done(found, planUp(found, 'ragscale.yaml'))
        expect(plan(after)).toEqual([])
      }),
    )
  })

  test('nothing that is as it should be is touched', () => {
    fc.assert(
      fc.property(situation, (found) => {
        const steps = planUp(found, 'ragscale.yaml')
        const good = asWanted(found.wanted).map(({ id }) => id)
        const removed = steps.flatMap((step) => (step.kind === 'remove' ? [step.id] : []))
        expect(removed.filter((id) => good.includes(id))).toEqual([])
      }),
    )
  })

  test('down leaves no container and no network', () => {
    fc.assert(
      fc.property(situation, (found) => {
        const steps = planDown(found, { volumes: false })
        expect(steps.filter(({ kind }) => kind === 'remove')).toHaveLength(found.containers.length)
        expect(steps.filter(({ kind }) => kind === 'remove-network')).toHaveLength(1)
      }),
    )
  })
})
