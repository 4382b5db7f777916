import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { withCounts } from '../../../../src/targets/counts.ts'
import { planDown } from '../../../../src/targets/local/plan-down.ts'
import { planUp } from '../../../../src/targets/local/plan-up.ts'
import type { LocalObserved, LocalStep } from '../../../../src/targets/local/steps.ts'
import type { WantedProcess } from '../../../../src/supervision.ts'
import { allTiers, stackOf } from '../stacks.ts'
import { observed, places, running, wantedOf } from './observations.ts'

const embed = (replicas: number, more = '') =>
  stackOf(`\n  embed: { model: BAAI/bge-small-en-v1.5, replicas: ${replicas}${more} }`)
const told = (steps: readonly LocalStep[]) =>
  steps.map(({ wave, what, because }) => `${wave} ${what}: ${because}`)
const goalOf = (wanted: readonly WantedProcess[]) => ({
  stack: 'handbook',
  by: 'ragscale.yaml',
  wanted,
  heirless: [],
  replication: {},
})
const up = (stack: ReturnType<typeof embed>, found: ReturnType<typeof running>) =>
  planUp(goalOf(wantedOf(stack)), found, places)

describe('the plan of a stack that does not run', () => {
  it('starts its supervisor, then every process at once', () => {
    expect(told(up(embed(2), observed({ kind: 'none' })))).toEqual([
      '0 start the supervisor of handbook: nothing of this stack runs',
      '1 start embed-balancer: ragscale.yaml asks for it',
      '1 start embed-1 (tei): ragscale.yaml asks for it',
      '1 start embed-2 (tei): ragscale.yaml asks for it',
    ])
  })

  it('first removes what a killed supervisor left', () => {
    expect(told(up(embed(1), observed({ kind: 'gone', pid: 7 }))).slice(0, 2)).toEqual([
      '0 remove what it left behind: its supervisor (process 7) was killed',
      '1 start the supervisor of handbook: it has to run again',
    ])
  })

  it('first kills a supervisor that hangs', () => {
    expect(told(up(embed(1), observed({ kind: 'silent', pid: 7 }))).slice(0, 3)).toEqual([
      '0 kill the supervisor: it runs (process 7) and does not answer',
      '1 remove what it left behind: its supervisor is killed',
      '2 start the supervisor of handbook: it has to run again',
    ])
  })

  it('undoes no data that was there before, when it is interrupted', () => {
    const start = (data: boolean) => up(embed(1), observed({ kind: 'none' }, { data }))[0]
    expect(start(false)).toMatchObject({ undo: [places.logs, places.data] })
    expect(start(true)).toMatchObject({ undo: [places.logs] })
  })
})

describe('the plan of a stack that runs', () => {
  it('is empty when everything is as wanted', () => {
    const stack = stackOf(allTiers)
    expect(up(stack, running(wantedOf(stack)))).toEqual([])
  })

  it('starts what is missing and stops what is too much, the newest first', () => {
    const found = running(wantedOf(embed(3)))
    expect(told(up(embed(5), found))).toEqual([
      '0 start embed-4 (tei): ragscale.yaml asks for 5 of embed, 3 run',
      '0 start embed-5 (tei): ragscale.yaml asks for 5 of embed, 3 run',
    ])
    expect(told(up(embed(1), found))).toEqual([
      '0 stop embed-3: ragscale.yaml asks for 1 of embed',
      '0 stop embed-2: ragscale.yaml asks for 1 of embed',
    ])
  })

  it('replaces what is wanted otherwise, one after another, and says what changed', () => {
    const changed = embed(2, ', emulate: { model: fifo, law: exponential, mean: 5ms, servers: 1 }')
    expect(told(up(changed, running(wantedOf(embed(2)))))).toEqual([
      expect.stringMatching(/^0 replace embed-1: changed: config\.emulation\.model, /),
      expect.stringMatching(/^1 replace embed-2: changed: config\.emulation\.model, /),
    ])
  })

  it('tells a balancer its new policy without replacing it', () => {
    const stack = embed(1)
    const changed = { ...stack, balancer: { ...stack.balancer, policy: 'random' as const } }
    expect(told(up(changed, running(wantedOf(stack))))).toEqual([
      '0 reconfigure embed-balancer: changed: config.policy',
    ])
  })

  it('waits for what is not healthy yet and tries again what fails', () => {
    const stack = embed(2)
    const found = running(wantedOf(stack), { 'embed-1': 'failing', 'embed-2': 'starting' })
    expect(told(up(stack, found))).toEqual([
      '0 try again embed-1: it is failing: exited with code 1',
      '0 wait for embed-2: it is starting',
    ])
  })

  it('stops a tier that the file no longer has, and its balancer after its replicas', () => {
    const both = stackOf(`
  embed: { model: BAAI/bge-small-en-v1.5 }
  generate: { model: meta-llama/Llama-3.2-1B-Instruct, gpu: L4, replicas: 2 }`)
    expect(told(up(embed(1), running(wantedOf(both)))).map((text) => text.slice(2))).toEqual([
      'stop generate-2: ragscale.yaml has no tier generate',
      'stop generate-1: ragscale.yaml has no tier generate',
      'stop generate-balancer: ragscale.yaml has no tier generate',
    ])
  })

  it('always leads, when carried out, to what is wanted and to an empty plan', () => {
    const counts = fc.record({
      embed: fc.integer({ min: 1, max: 6 }),
      gateway: fc.integer({ min: 1, max: 4 }),
    })
    const stackWith = (count: { embed: number; gateway: number }) =>
      withCounts(stackOf(allTiers), new Map(Object.entries(count)))
    fc.assert(
      fc.property(counts, counts, (before, after) => {
        const wanted = wantedOf(stackWith(after))
        const processes = new Map(wantedOf(stackWith(before)).map((process) => [process.id, process]))
        for (const step of planUp(goalOf(wanted), running([...processes.values()]), places)) {
          if (step.kind === 'want') processes.set(step.process.id, step.process)
          else if (step.kind === 'stop') processes.delete(step.id)
        }
        expect(planUp(goalOf(wanted), running([...processes.values()]), places)).toEqual([])
        expect(processes.size).toBe(wanted.length)
      }),
    )
  })
})

describe('the plan of a vector tier', () => {
  const nodes = (count: number) =>
    stackOf(`\n  vector: { nodes: ${count}, collection: { name: docs, dimensions: 4, shards: 2 } }`)
  const copies = [1, 2].map((node) => ({
    collection: 'docs',
    shard: node - 1,
    node: `vector-${node}`,
    active: true,
  }))
  const withShards = (count: number): LocalObserved => ({
    ...running(wantedOf(nodes(count))),
    vector: {
      nodesWithData: [],
      topology: { peers: { 'vector-1': '1', 'vector-2': '2' }, copies, arrivals: [], shards: { docs: 2 } },
    },
  })

  it('empties a node, takes it out of the cluster, stops it and removes what it stored, in this order', () => {
    expect(told(up(nodes(1), withShards(2)))).toEqual([
      '0 move shard 1 of docs from vector-2 to vector-1: vector-2 leaves',
      '1 take vector-2 out of the cluster: vector-2 leaves',
      '2 stop vector-2: ragscale.yaml asks for 1 of vector',
      '3 remove what vector-2 stored: the other nodes hold all of it',
    ])
  })

  it('takes no node away when nobody can tell what it holds', () => {
    const found = { ...withShards(2), vector: { nodesWithData: [], topology: null } }
    expect(() => up(nodes(1), found)).toThrow(
      expect.objectContaining({ exitCode: 4, message: expect.stringContaining('what vector-2 hold') }),
    )
  })

  it('takes no node away while a node that does not answer holds shards', () => {
    const found = withShards(2)
    const crashed = copies.map((copy) => (copy.node === 'vector-2' ? { ...copy, node: 'peer 2' } : copy))
    const topology = { ...found.vector.topology!, peers: { 'vector-1': '1' }, copies: crashed }
    expect(() => up(nodes(1), { ...found, vector: { ...found.vector, topology } })).toThrow(
      'vector-2 cannot go: shard 1 of docs is on a node that does not answer',
    )
  })

  it('takes no node away that has the only good copy of a shard', () => {
    const found = withShards(2)
    const bad = copies.map((copy) => ({ ...copy, active: copy.node === 'vector-1' }))
    const vector = { ...found.vector, topology: { ...found.vector.topology!, copies: bad } }
    expect(() => up(nodes(1), { ...found, vector })).toThrow(
      expect.objectContaining({ message: expect.stringContaining('shard 1 of docs') }),
    )
  })

  it('starts a node that the file no longer has while it holds data', () => {
    const goal = {
      ...goalOf(wantedOf(nodes(1))),
      heirless: wantedOf(nodes(2)).filter(({ id }) => id === 'vector-2'),
    }
    expect(told(planUp(goal, observed({ kind: 'none' }, { data: true }), places)).at(-1)).toBe(
      '1 start vector-2 (qdrant): it holds data that the other nodes have to take over first',
    )
  })
})

describe('the plan of down', () => {
  const found = running(wantedOf(embed(1)))

  it('stops everything, removes logs and keeps the vectors', () => {
    const steps = planDown({ ...found, has: { logs: true, data: true } }, places, { volumes: false })
    expect(told(steps)).toEqual([
      '0 stop its 2 processes and their supervisor: ragscale down',
      '1 remove the logs: ragscale down',
    ])
  })

  it('removes the vectors too when asked', () => {
    const steps = planDown({ ...found, has: { logs: false, data: true } }, places, { volumes: true })
    expect(told(steps).at(-1)).toBe('1 remove the stored vectors: ragscale down --volumes')
  })

  it('is empty when there is nothing', () => {
    expect(planDown(observed({ kind: 'none' }), places, { volumes: true })).toEqual([])
  })
})
