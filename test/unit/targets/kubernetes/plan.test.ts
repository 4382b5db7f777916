import { describe, expect, test } from 'vitest'
import { planDown } from '../../../../src/targets/kubernetes/plan-down.ts'
import { planUp } from '../../../../src/targets/kubernetes/plan-up.ts'
import { UserError } from '../../../../src/errors.ts'
import type { Controller, KubeObject } from '../../../../src/targets/kubernetes/objects.ts'
import type { Topology } from '../../../../src/targets/qdrant/cluster.ts'
import type { Revision } from '../../../../src/targets/kubernetes/release.ts'
import { replicaOf } from '../../../../src/targets/kubernetes/replicas.ts'
import type { KubernetesObserved } from '../../../../src/targets/kubernetes/steps.ts'
import type { Wanted } from '../../../../src/targets/kubernetes/wanted.ts'
import { topologyOf } from '../../../../src/render/workloads.ts'
import { claimNamed, deploymentNamed, podNamed } from './cluster-objects.ts'
import { presetStack } from '../../render/preset-stack.ts'

const stack = await presetStack('laptop', 'kubernetes')
const topology = topologyOf(stack, 'kubernetes')
const nowMs = Date.parse('2026-11-21T12:00:00Z')
const goal = { by: 'ragscale.yaml', writes: true, folder: '/stacks/preset', nowMs }
const place = {
  context: 'prod',
  namespace: 'rag',
  server: 'https://10.0.0.1:6443',
  local: false,
  isNamed: false,
}
const roles = new Map([['embed', { tier: 'embed', component: 'tei' }]])

const embed = (replicas: number) => deploymentNamed('laptop-ragscale-embed', replicas)
const ready = (replicas: number) => ({
  ...embed(replicas),
  status: { observedGeneration: 1, replicas, updatedReplicas: replicas, readyReplicas: replicas },
})

function wanted(objects: readonly KubeObject[], more: Partial<Wanted> = {}): Wanted {
  return {
    topology,
    rendered: new Map(),
    comparison: {
      folder: '/stacks/preset/deploy',
      rendering: 'kubernetes',
      rendered: new Map(),
      manifest: { targets: {} },
      changes: [],
    },
    objects,
    secrets: [],
    chart: { deployed: null, files: new Map(), overrides: null, next: null },
    ...more,
  }
}

function revision(number: number, status: string, updatedAt = nowMs - 3_600_000): Revision {
  return { revision: number, status, updatedAt, description: 'Upgrade complete' }
}

/** A release with two replicas of embed, all well. */
function observed(more: Partial<KubernetesObserved> = {}): KubernetesObserved {
  return {
    running: true,
    replicas: [],
    notes: [],
    kept: [],
    place,
    release: { name: 'laptop', revisions: [revision(1, 'deployed')], manifest: JSON.stringify(embed(2)) },
    cutOff: false,
    found: { pods: [], controllers: [ready(2)], claims: [], hidden: [] },
    events: [],
    live: [embed(2)],
    last: null,
    namespace: { exists: true, others: null },
    secret: null,
    given: new Map(),
    wanted: wanted([embed(2)]),
    stack,
    hosts: [],
    gateways: [],
    shards: null,
    ...more,
  }
}

const told = (steps: readonly { what: string; because: string }[]) =>
  steps.map(({ what, because }) => `${what} | ${because}`)

describe('up', () => {
  test('of what is as it should be does nothing', () => {
    expect(planUp(goal, observed())).toEqual([])
  })

  test('of a stack that was brought up elsewhere is refused, and so is down', () => {
    const last = { context: 'staging', namespace: 'rag', server: 'https://10.0.0.2:6443' }
    const found = observed({ last })
    expect(() => planUp(goal, found)).toThrow('last brought up in context staging, namespace rag')
    expect(() => planDown(found, { volumes: false })).toThrow('last brought up in context staging')
  })

  test('takes no release of another chart for its own, and down does not uninstall it', () => {
    const chart = (of: string) => {
      const release = { ...observed().release, revisions: [{ ...revision(3, 'deployed'), chart: of }] }
      return observed({ release })
    }
    const says = 'release laptop in context prod, namespace rag is of chart wordpress-24.1.0'
    expect(() => planUp(goal, chart('wordpress-24.1.0'))).toThrow(says)
    expect(() => planDown(chart('wordpress-24.1.0'), { volumes: false })).toThrow(says)
    expect(planUp(goal, chart('ragscale-0.1.0'))).toEqual([])
  })

  test('of another count names it, and waits for it', () => {
    expect(told(planUp(goal, observed({ wanted: wanted([embed(3)]) })))).toEqual([
      'change Deployment laptop-ragscale-embed (spec.replicas 2 → 3) | ragscale.yaml asks for 3 of embed, the release has 2',
      'upgrade release laptop by Helm (context prod, namespace rag) | 1 of its objects is to be changed',
      'wait for embed | what was changed has to be ready',
    ])
  })

  test('of a release that is not there installs it, into a namespace that is made', () => {
    const none = { name: 'laptop', revisions: [], manifest: '' }
    const found = { pods: [], controllers: [], claims: [], hidden: [] }
    expect(
      told(
        planUp(
          goal,
          observed({ release: none, found, live: [], namespace: { exists: false, others: null } }),
        ),
      ),
    ).toEqual([
      'make namespace rag | context prod names it and the cluster has none',
      'make embed: Deployment (2 replicas) | nothing of it is there',
      'install release laptop by Helm (context prod, namespace rag) | there is no release laptop',
      'wait for embed | what was changed has to be ready',
    ])
  })

  test('waits for what is on its way, and starts again what is failing', () => {
    const late = { ...ready(2), status: { ...ready(2).status, readyReplicas: 1 } }
    const crashed = podNamed(
      'laptop-ragscale-embed-7d9f-x7k2p',
      {},
      {
        metadata: { labels: { 'app.kubernetes.io/component': 'embed' } },
        spec: { nodeName: 'a' },
        status: {
          phase: 'Running',
          containerStatuses: [
            {
              name: 'embed',
              ready: false,
              restartCount: 5,
              state: { waiting: { reason: 'CrashLoopBackOff' } },
              lastState: { terminated: { exitCode: 1 } },
            },
          ],
        },
      },
    )
    const around = { nodes: null, pods: null, claims: [], events: [] }
    const found = { pods: [crashed], controllers: [late], claims: [], hidden: [] }
    expect(told(planUp(goal, observed({ found, replicas: [replicaOf(crashed, around, roles)] })))).toEqual([
      'start embed-x7k2p again | it is failing: container embed: ended with exit code 1, 5 times',
      'wait for embed | what was changed has to be ready',
    ])
    expect(told(planUp(goal, observed({ found: { ...found, pods: [] } })))).toEqual([
      'wait for embed | not all of it is ready',
    ])
  })

  test('of a job that has failed makes it again', () => {
    const job = {
      ...deploymentNamed('laptop-ragscale-collection', undefined),
      kind: 'Job',
      apiVersion: 'batch/v1',
    }
    const failed = {
      ...job,
      status: { conditions: [{ type: 'Failed', status: 'True', message: 'too often' } as const] },
    }
    const release = { name: 'laptop', revisions: [revision(1, 'deployed')], manifest: JSON.stringify(job) }
    const found = { pods: [], controllers: [failed], claims: [], hidden: [] }
    const plan = planUp(goal, observed({ release, found, live: [job], wanted: wanted([job]) }))
    expect(told(plan).slice(0, 3)).toEqual([
      'remove Job laptop-ragscale-collection | it has failed: too often',
      'make collection: Job | the one before has failed',
      'upgrade release laptop by Helm (context prod, namespace rag) | 1 of its objects is to be changed',
    ])
  })

  test('after an upgrade that has failed upgrades again, though the file says nothing new', () => {
    const release = {
      ...observed().release,
      revisions: [revision(1, 'deployed'), { ...revision(2, 'failed'), description: 'timed out' }],
    }
    expect(told(planUp(goal, observed({ release })))[0]).toBe(
      'upgrade release laptop by Helm (context prod, namespace rag) | revision 2 of the release has failed: timed out',
    )
  })
})

describe('a release that Helm has left pending', () => {
  const pending = (ageMs: number) => ({
    ...observed().release,
    revisions: [revision(1, 'deployed'), revision(2, 'pending-upgrade', nowMs - ageMs)],
  })

  test('is rolled back where the change was ours and its process is gone', () => {
    expect(told(planUp(goal, observed({ release: pending(1_000), cutOff: true })))[0]).toBe(
      'roll release laptop back to revision 1, which was deployed | a change of the release was cut off: revision 2 is pending-upgrade',
    )
  })

  test('is left alone while somebody else may be at it, and rolled back when they cannot be any more', () => {
    expect(() => planUp(goal, observed({ release: pending(90_000) }))).toThrow(
      'somebody else changes release laptop: it is pending-upgrade since 90 s',
    )
    expect(planUp(goal, observed({ release: pending(3_600_000) }))[0]).toMatchObject({
      kind: 'rollback',
      revision: 1,
    })
  })

  test('is uninstalled where nothing was ever deployed', () => {
    const release = { name: 'laptop', revisions: [revision(1, 'pending-install')], manifest: '' }
    expect(planUp(goal, observed({ release, live: [] }))[0]).toMatchObject({ kind: 'uninstall' })
  })
})

describe('nodes of Qdrant that are asked for no longer', () => {
  const claim = (ordinal: number) =>
    claimNamed(`vector-data-laptop-ragscale-vector-${ordinal}`, 'fast', 'Bound')
  const set = (replicas: number): Controller => ({
    ...deploymentNamed('laptop-ragscale-vector', replicas),
    kind: 'StatefulSet',
  })
  const copyOn = (node: string) => ({ collection: 'docs', shard: 0, node, active: true })
  const topology = (nodes: readonly string[], holders: readonly string[] = ['vector-1']): Topology => ({
    peers: Object.fromEntries(nodes.map((node, at) => [node, String(at + 1)])),
    copies: holders.map(copyOn),
    arrivals: [],
    shards: { docs: 1 },
  })
  const [one, two, three] = ['vector-1', 'vector-2', 'vector-3'] as const
  const plan = (now: number, then: number, claims: number, shards: Topology | null) =>
    planUp(
      goal,
      observed({
        release: {
          name: 'laptop',
          revisions: [revision(1, 'deployed')],
          manifest: JSON.stringify(set(now)),
        },
        live: [set(now)],
        wanted: wanted([set(then)]),
        found: {
          pods: [],
          controllers: [set(now)],
          claims: Array.from({ length: claims }, (_, ordinal) => claim(ordinal)),
          hidden: [],
        },
        shards,
      }),
    )
      .filter(({ kind }) => kind === 'delete' || kind === 'upgrade')
      .map(({ what }) => what)

  test('stay while they hold shards, while the others count on them, and while nobody can tell', () => {
    const drain = 'ragscale vector apply --drain vector-3'
    const refused = (shards: Topology | null) => {
      try {
        return plan(3, 2, 3, shards)
      } catch (error) {
        if (!(error instanceof UserError)) throw error
        expect(error).toMatchObject({ exitCode: 4, code: 'shards' })
        expect(error.hint).toContain(drain)
        return error.message
      }
    }
    expect(refused(topology([one, two, three], [one, three]))).toBe(
      'vector-3 holds 1 shard, which would go with it',
    )
    expect(refused(topology([one, two, three]))).toContain('vector-3 holds no shard, but is in the cluster')
    expect(refused(null)).toContain('nobody can tell whether vector-3 holds shards')
    // Whoever is not known by name may be any of them.
    expect(refused(topology([one, two], [one, 'peer 7']))).toContain('nobody can tell')
  })

  test('go with what they stored, once they were taken out of the cluster', () => {
    expect(plan(3, 2, 3, topology([one, two]))).toEqual([
      'upgrade release laptop by Helm (context prod, namespace rag)',
      'remove volume claim vector-data-laptop-ragscale-vector-2',
    ])
  })

  test('leave nothing behind that would keep the next of their number from joining', () => {
    expect(plan(2, 3, 3, topology([one, two]))).toEqual([
      'remove volume claim vector-data-laptop-ragscale-vector-2',
      'upgrade release laptop by Helm (context prod, namespace rag)',
    ])
    expect(plan(2, 2, 3, topology([one, two]))).toEqual([
      'remove volume claim vector-data-laptop-ragscale-vector-2',
    ])
  })

  test('keep what they stored while the cluster knows them, or knows too little', () => {
    for (const shards of [topology([one, two, three]), topology([one]), null])
      expect(plan(2, 2, 3, shards)).toEqual([])
    expect(plan(0, 3, 3, null)).toEqual(['upgrade release laptop by Helm (context prod, namespace rag)'])
  })
})

describe('secrets', () => {
  const secrets = [
    { name: 'qdrant-api-key', readBy: ['vector'], optional: false },
    { name: 'huggingface-token', readBy: ['embed'], optional: true },
  ]
  const none = { name: 'laptop-ragscale-secrets', keys: null, ours: false, users: false }
  const told = (more: Partial<KubernetesObserved>, wants = secrets) =>
    planUp(goal, observed({ wanted: wanted([embed(2)], { secrets: wants }), secret: none, ...more })).filter(
      ({ kind }) => kind === 'secret',
    )

  test('that are any password are made; those of files are read; optional ones may be missing', () => {
    expect(told({})).toMatchObject([{ what: 'make Secret laptop-ragscale-secrets: qdrant-api-key' }])
    const given = new Map([['huggingface-token', '/stacks/preset/deploy/helm/secrets/huggingface-token']])
    expect(told({ given })).toMatchObject([
      {
        what: 'make Secret laptop-ragscale-secrets: qdrant-api-key, huggingface-token, with huggingface-token of deploy/helm/secrets',
      },
    ])
  })

  test('that are there stay as they are, and new ones are added to them', () => {
    const there = { ...none, keys: ['qdrant-api-key'], ours: true }
    expect(told({ secret: there })).toEqual([])
    const more = [...secrets, { name: 'redis-password', readBy: ['cache'], optional: false }]
    expect(told({ secret: there }, more)).toMatchObject([
      { what: 'add to Secret laptop-ragscale-secrets: redis-password' },
    ])
  })

  test('that only the user can give are asked for by name', () => {
    const provider = [{ name: 'openai-api-key', readBy: ['gateway'], optional: false }]
    expect(() => told({}, provider)).toThrow('the stack needs openai-api-key, which only you can give')
  })

  test("in a Secret of the user's are theirs to complete", () => {
    const theirs = { ...none, keys: ['other'], users: true }
    expect(() => told({ secret: theirs })).toThrow('lacks qdrant-api-key, and it is not ragscale')
  })
})

describe('down', () => {
  const secret = { name: 'laptop-ragscale-secrets', keys: ['qdrant-api-key'], ours: true, users: false }
  const claims = [claimNamed('vector-data-0', 'fast', 'Bound')]
  const found = { ...observed().found, claims }

  test('keeps volumes, and the passwords of what is in them', () => {
    expect(planDown(observed({ found, secret }), { volumes: false }).map(({ what }) => what)).toEqual([
      'uninstall release laptop (context prod, namespace rag)',
      'wait until nothing of it runs',
    ])
  })

  test('--volumes takes both', () => {
    expect(
      planDown(observed({ found, secret }), { volumes: true })
        .map(({ what }) => what)
        .slice(2),
    ).toEqual(['remove volume claim vector-data-0', 'remove Secret laptop-ragscale-secrets'])
  })

  test("leaves alone a Secret that is not ragscale's", () => {
    const plan = planDown(observed({ secret: { ...secret, ours: false } }), { volumes: true })
    expect(plan.map(({ kind }) => kind)).toEqual(['uninstall', 'await-end'])
  })

  test('takes a namespace that ragscale made, where nobody else has put anything into it', () => {
    const kinds = (others: readonly string[] | null) =>
      planDown(observed({ namespace: { exists: true, others } }), { volumes: false }).map(({ what }) => what)
    expect(kinds([])).toContain('remove namespace rag')
    expect(kinds(['ConfigMap theirs'])).not.toContain('remove namespace rag')
    expect(kinds(null)).not.toContain('remove namespace rag')
  })

  test('of nothing does nothing', () => {
    const release = { name: 'laptop', revisions: [], manifest: '' }
    expect(planDown(observed({ release }), { volumes: true })).toEqual([])
  })
})
