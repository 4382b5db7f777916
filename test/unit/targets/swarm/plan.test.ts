import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { UserError } from '../../../../src/errors.ts'
import { planDown } from '../../../../src/targets/swarm/plan-down.ts'
import { planUp, theFile } from '../../../../src/targets/swarm/plan-up.ts'
import type { SwarmStep } from '../../../../src/targets/swarm/steps.ts'
import { model, node, nothing, observed, places, running, t0, task } from './swarms.ts'

const words = (steps: readonly SwarmStep[]) => steps.map(({ what, because }) => `${what}: ${because}`)

describe('what up does', () => {
  it('is nothing where everything is as it should be', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 5 }), fc.constantFrom('aaaa', 'bbbb'), (embed, config) => {
        const wanted = model({ embed, config })
        expect(planUp(observed(running(wanted), wanted), places, theFile)).toEqual([])
      }),
    )
  })

  it('starts all of a stack of which nothing runs, on a node that is labelled for its data', () => {
    const wanted = model()
    expect(words(planUp(observed(nothing, wanted), places, theFile))).toEqual([
      'label node node-1: ragscale.vector-1: data stays on the node where it is written, and this swarm has one',
      'start vector-1 (qdrant): nothing of this stack runs',
      'run collection: nothing of this stack runs',
      'start embed (2 × tei): nothing of this stack runs',
      'docker stack deploy handbook: it makes these changes, each service by its own rolling update',
    ])
  })

  it('changes how many there are without deploying anything', () => {
    const wanted = model({ embed: 3 })
    const steps = planUp(observed(running(wanted, { embed: { replicas: 2 } }), wanted), places, theFile)
    expect(words(steps)).toEqual(['scale embed from 2 to 3: ragscale.yaml asks for 3 of embed, 2 run'])
    expect(steps[0]).toMatchObject({ kind: 'scale', service: 'id-embed', replicas: 3 })
  })

  it('says of what is updated what changed: its image, its configuration, its definition', () => {
    const before = running(model())
    const because = (of: Parameters<typeof model>[0]) =>
      planUp(observed(before, model(of)), places, theFile).find(({ what }) => what === 'update embed')
        ?.because
    expect(because({ image: 'ragscale:2' })).toBe('changed: image ragscale:1 → ragscale:2')
    expect(because({ config: 'bbbb' })).toBe('changed: its configuration (embed-config.json)')
    const labels = { 'com.ragscale.configuration': 'another' }
    const wanted = model()
    expect(words(planUp(observed(running(wanted, { embed: { labels } }), wanted), places, theFile))[0]).toBe(
      'update embed: changed: its definition',
    )
  })

  it('stops what is asked for no longer', () => {
    const wanted = model()
    const swarm = running(wanted)
    const [embed] = swarm.services
    const extra = { ...embed!, id: 'id-old', name: 'rerank', labels: { 'com.ragscale.tier': 'rerank' } }
    const steps = planUp(
      observed({ ...swarm, services: [...swarm.services, extra] }, wanted),
      places,
      theFile,
    )
    expect(words(steps)[0]).toBe('stop rerank: ragscale.yaml asks for it no longer')
    expect(steps.map(({ kind }) => kind)).toEqual(['change', 'deploy'])
  })

  it('waits for what is there and not healthy, and for a job that has not run to its end', () => {
    const wanted = model()
    const swarm = running(wanted)
    const tasks = swarm.tasks.map((one) =>
      one.service === 'id-collection' || one.id === 'task-embed-2' ? { ...one, state: 'starting' } : one,
    )
    expect(words(planUp(observed({ ...swarm, tasks }, wanted), places, theFile))).toEqual([
      'wait for collection: it has not run to its end',
      'wait for embed: 1 of 2 are healthy',
    ])
  })

  it('removes configs and secrets that nothing reads any longer, and none that is in use', () => {
    const wanted = model()
    const [embed] = wanted.services.filter(({ name }) => name === 'embed')
    const leftovers = {
      configs: [...embed!.configs, 'handbook_embed-config.json-old'],
      secrets: ['handbook_qdrant-api-key_0', 'handbook_qdrant-api-key_1'],
    }
    expect(words(planUp(observed(running(wanted), wanted, { leftovers }), places, theFile))).toEqual([
      'remove the config handbook_embed-config.json-old: nothing reads it any longer',
      'remove the secret handbook_qdrant-api-key_0: nothing reads it any longer',
    ])
  })

  it('makes the secrets that only this stack has to know, and asks for those of others by name', () => {
    const wanted = model()
    const missing = (name: string, kind: 'generated' | 'empty' | 'given') => [
      { name, kind, file: `${places.secrets}/${name}` },
    ]
    const plan = (of: ReturnType<typeof missing>) =>
      planUp(observed(nothing, wanted, { wanted: { missing: of } }), places, theFile)
    expect(words(plan(missing('redis-password', 'generated')))).toContain(
      'make the secret redis-password: it is not there, and only this stack has to know it',
    )
    expect(words(plan(missing('huggingface-token', 'empty')))).toContain(
      'leave the secret huggingface-token empty: it is not there, and nothing needs it to start',
    )
    expect(() => plan(missing('openai-api-key', 'given'))).toThrow(
      expect.objectContaining({
        exitCode: 3,
        hint: 'cat > /stacks/handbook/deploy/swarm/secrets/openai-api-key   # paste it, then Ctrl-D',
      }) as UserError,
    )
  })

  it('leaves it to the user which of several nodes keeps data, with the commands to say it', () => {
    const wanted = model()
    const several = { ...nothing, nodes: [node('node-1'), node('node-2')] }
    expect(() => planUp(observed(several, wanted), places, theFile)).toThrow(
      expect.objectContaining({
        exitCode: 2,
        hint: expect.stringContaining(
          'docker node update --label-add ragscale.vector-1=true node-1',
        ) as string,
      }) as UserError,
    )
    const labelled = { ...nothing, nodes: [node('node-1'), node('node-2', { 'ragscale.vector-1': 'true' })] }
    expect(words(planUp(observed(labelled, wanted), places, theFile))).not.toContainEqual(
      expect.stringContaining('label'),
    )
  })

  it('stops no node of the cluster that holds shards, that the others count on, or of which nobody can tell', () => {
    const wanted = model()
    const swarm = running(wanted)
    const node = swarm.services.find(({ name }) => name === 'vector-1')!
    const two = { ...swarm, services: [...swarm.services, { ...node, id: 'id-vector-2', name: 'vector-2' }] }
    const copy = { collection: 'docs', shard: 0, active: true }
    const shards = (holder: string, peers: Readonly<Record<string, string>> = {}) => ({
      peers: { 'vector-1': '6', ...peers },
      copies: [{ ...copy, node: holder }],
      arrivals: [],
      shards: { docs: 1 },
    })
    const plan = (found: ReturnType<typeof shards> | null) =>
      planUp(observed(two, wanted, { shards: found }), places, theFile)
    const hint =
      'ragscale vector apply --drain vector-2   moves its shards to the other nodes, and takes it out'
    // A peer whose name nobody knows may be the very one that is to go.
    for (const found of [shards('vector-2', { 'vector-2': '7' }), shards('peer 7'), null])
      expect(() => plan(found)).toThrow(expect.objectContaining({ exitCode: 4, hint }) as UserError)
    expect(() => plan(shards('vector-1', { 'vector-2': '7' }))).toThrow('vector-2 holds no shard, but is in')
    expect(words(plan(shards('vector-1')))[0]).toBe('stop vector-2: ragscale.yaml asks for it no longer')
  })

  it('is refused where our own image is nowhere, with the command that builds it', () => {
    const wanted = model()
    expect(() =>
      planUp(observed(nothing, wanted, { wanted: { unbuilt: ['ragscale:1'] } }), places, theFile),
    ).toThrow(expect.objectContaining({ exitCode: 3, code: 'image' }) as UserError)
  })
})

describe('what scale does', () => {
  it('changes counts and nothing else, whatever the files say by now', () => {
    const wanted = model({ embed: 3, image: 'ragscale:2' })
    const steps = planUp(observed(running(model()), wanted), places, 'ragscale scale')
    expect(words(steps)).toEqual(['scale embed from 2 to 3: ragscale scale asks for 3 of embed, 2 run'])
  })

  it('writes beside deploy/ what a new node reads', () => {
    const wanted = model()
    const swarm = running(wanted)
    const without = { ...swarm, services: swarm.services.filter(({ name }) => name !== 'vector-1') }
    const steps = planUp(observed(without, wanted), places, 'ragscale scale')
    expect(steps.map(({ what }) => what)).toEqual([
      'write .ragscale/swarm/',
      'start vector-1 (qdrant)',
      'docker stack deploy handbook',
    ])
    const document = steps.find((step) => step.kind === 'deploy')?.document ?? ''
    expect(document).toContain('"/stacks/handbook/.ragscale/swarm/embed/config.json"')
    expect(document).toContain('"/stacks/handbook/deploy/swarm/secrets/qdrant-api-key"')
  })
})

describe('what down does', () => {
  it('ends first who is asked first, and removes what is the stack’s; volumes and labels only with --volumes', () => {
    const wanted = model()
    const swarm = running(wanted)
    const balancer = {
      ...swarm.services[0]!,
      id: 'b',
      name: 'balancer',
      labels: { 'com.ragscale.tier': 'balancer' },
    }
    const leftovers = {
      networks: ['handbook_stack'],
      configs: ['c'],
      secrets: ['s'],
      volumes: ['v'],
      containers: 2,
    }
    const found = observed({ ...swarm, services: [...swarm.services, balancer] }, wanted, { leftovers })
    const kept = planDown(found, places, { volumes: false }).map(({ what }) => what)
    expect(kept).toEqual([
      'stop balancer',
      'stop vector-1',
      'stop collection',
      'stop embed',
      'remove the 2 containers that ended and are kept for their logs',
      'remove the network handbook_stack',
      'remove the config c',
      'remove the secret s',
    ])
    expect(planDown(found, places, { volumes: true }).map(({ what }) => what)).toEqual([
      ...kept,
      'remove the volume v',
      'take the labels ragscale.vector-1 off node node-1',
    ])
  })

  it('is nothing where nothing is', () => {
    expect(planDown(observed(nothing, model()), places, { volumes: true })).toEqual([])
  })
})

describe('a replica', () => {
  const wanted = model()
  const swarm = running(wanted)
  const embed = swarm.services.find(({ name }) => name === 'embed')!
  const others = swarm.tasks.filter(({ service }) => service !== embed.id)
  const stateOf = (...tasks: ReturnType<typeof task>[]) => {
    const { replicas } = observed({ ...swarm, tasks: [...others, ...tasks] }, wanted)
    return replicas
      .filter(({ tier }) => tier === 'embed')
      .map(({ name, state, because }) => [name, state, because])
  }
  const failed = (id: string, over: Partial<ReturnType<typeof task>> = {}) =>
    task(embed, 1, { id, state: 'failed', desired: 'shutdown', error: 'task: non-zero exit (137)', ...over })

  it('is the newest task of its slot, and says how often those before it ended', () => {
    expect(stateOf(task(embed, 1), task(embed, 2))).toEqual([
      ['embed-1', 'healthy', null],
      ['embed-2', 'healthy', null],
    ])
    const again = task(embed, 1, { id: 'b', createdAt: t0 + 9_000, state: 'starting' })
    expect(stateOf(failed('a'), again)).toEqual([
      [
        'embed-1',
        'starting',
        'it ended once before: it was killed (exit 137), by hand or for want of memory',
      ],
    ])
  })

  it('is failing when it ended three times in a row soon after its start, and not for having been killed once in a while', () => {
    const three = [1, 2, 3].map((number) =>
      failed(`f${number}`, { createdAt: t0 + number, since: t0 + number + 5_000 }),
    )
    const now = task(embed, 1, { id: 'now', createdAt: t0 + 9_000, state: 'starting' })
    expect(stateOf(...three, now)[0]?.[1]).toBe('failing')
    const long = three.map((one) => ({ ...one, since: one.createdAt + 3_600_000 }))
    expect(stateOf(...long, now)[0]?.[1]).toBe('starting')
  })

  it('is the old one while a new one starts beside it, and is gone with its slot', () => {
    const next = task(embed, 1, { id: 'n', createdAt: t0 + 9_000, state: 'starting', desired: 'ready' })
    expect(stateOf(task(embed, 1), next)).toEqual([['embed-1', 'healthy', null]])
    expect(stateOf(task(embed, 1, { desired: 'shutdown' }))).toEqual([['embed-1', 'stopping', null]])
    expect(stateOf(failed('a'))).toEqual([])
  })
})
