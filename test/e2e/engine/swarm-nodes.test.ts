/** A stack in a swarm of three nodes, each an engine in a network of its own; the swarm is told through the first. */
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import type { Run } from '../../../src/recording/run.ts'
import { type Node, type Nodes, copyImages, startNodes } from '../../engine/nodes.ts'
import { whyNoEngine } from '../../engine/prerequisites.ts'
import { makeImages } from '../../images/make.ts'
import { type SwarmPlace, swarmPlace } from './swarm-place.ts'

const withinMs = 240_000
vi.setConfig({ testTimeout: withinMs + 60_000, hookTimeout: 400_000 })

const yaml = `name: handbook
target: swarm
rehearse: true
tiers:
  gateway: { component: reference, replicas: 2 }
  embed: { component: tei, model: BAAI/bge-small-en-v1.5, replicas: 3 }
  vector:
    component: qdrant
    nodes: 3
    collection: { name: docs, dimensions: 384, distance: Cosine, points: 1_000, shards: 3, replication: 2 }
  generate: { component: vllm, model: meta-llama/Llama-3.1-8B-Instruct, gpu: H100, maxModelLength: 8192 }
balancer: { component: nginx, image: 'nginx:test' }
workload: { rate: 3/s, queries: queries.txt, seed: 7, topK: 3, outputTokens: 8 }
`

interface Status {
  readonly replicas: readonly {
    readonly name: string
    readonly state: string
    readonly because: string | null
  }[]
  readonly notes: readonly string[]
}

const missing = await whyNoEngine()

describe.skipIf(missing !== null)(
  `a swarm of three nodes${missing === null ? '' : `: NOT CHECKED: ${missing}`}`,
  () => {
    let all: Nodes
    let first: Node
    let second: Node
    let third: Node
    let place: SwarmPlace
    const status = async (): Promise<Status> => (await place.json('status')) as Status
    const of = async (name: string) => (await status()).replicas.find((replica) => replica.name === name)
    const until = async (seconds: number, isSo: () => Promise<boolean>): Promise<void> => {
      for (const end = Date.now() + seconds * 1000; !(await isSo()) && Date.now() < end;) await sleep(1_000)
    }

    beforeAll(async () => {
      all = await startNodes(3)
      ;[first, second, third] = all.nodes as [Node, Node, Node]
      await makeImages(['ragscale', 'nginx'], first.engine.env)
      await first.engine.docker('swarm', 'init', '--advertise-addr', first.address)
      const token = await first.engine.docker('swarm', 'join-token', '--quiet', 'worker')
      for (const { engine } of [second, third])
        await engine.docker('swarm', 'join', '--token', token, `${first.address}:2377`)
      place = await swarmPlace(first.engine.env, yaml, { withinMs, inside: first.inside })
      await writeFile(join(place.folder, 'queries.txt'), 'What is a shard?\n')
    })
    afterAll(async () => {
      await place?.leave()
      await all?.close()
    })

    test('is asked which node keeps which data, with the commands', async () => {
      const up = await place.ragscale('up')
      expect(up).toMatchObject({ exitCode: 2 })
      for (const number of [1, 2, 3]) {
        expect(up.stderr).toContain(
          `docker node update --label-add ragscale.vector-${number}=true node-${number}`,
        )
        await place.docker(
          'node',
          'update',
          '--label-add',
          `ragscale.vector-${number}=true`,
          `node-${number}`,
        )
      }
    })

    test('is told which node lacks an image that no registry has', async () => {
      // Which node has the balancer is not said here: the first is the one that has its image.
      await copyImages(first, [second], ['ragscale:0.1.0', 'nginx:test'])
      await copyImages(first, [third], ['nginx:test'])
      const up = await place.ragscale('up')
      expect(up).toMatchObject({ exitCode: 4 })
      expect(up.stderr).toContain('node-3 has no image ragscale:0.1.0')
      await copyImages(first, [third], ['ragscale:0.1.0'])
    })

    test('runs over all nodes, each part of the data on the node that is labelled for it', async () => {
      const up = await place.ragscale('up')
      expect(up, up.stderr).toMatchObject({ exitCode: 0 })
      for (const [index, { engine }] of all.nodes.entries()) {
        const volumes = await engine.docker('volume', 'ls', '--quiet')
        expect(volumes).toBe(`handbook_vector-data-${index + 1}`)
        expect(await engine.docker('ps', '--format', '{{.Names}}')).toContain(
          `handbook_vector-${index + 1}.1.`,
        )
      }
      const balancer = await place.docker(
        'service',
        'ps',
        '--format',
        '{{.Node}}',
        '--filter',
        'desired-state=running',
        'handbook_balancer',
      )
      const node = all.nodes.find(({ name }) => name === balancer)
      // At once: every node finds those on the others by now. Who gave up is in the answer: the gateway names the stage.
      const answer = await fetch(`http://${node?.address}:8080/query`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ query: 'What is a shard?' }),
      })
      expect(answer.status, await answer.text()).toBe(200)
    })

    test('is logged from every node, and of what runs on others no use is made up', async () => {
      const { stdout } = await place.ragscale('logs', 'vector')
      for (const number of [1, 2, 3]) expect(stdout).toMatch(new RegExp(`^vector-${number} `, 'm'))
      const loaded = '--stage pipeline --scenario steady --rate 2/s --warmup 1s --duration 6s'.split(' ')
      // The balancer may be on another node, which is beyond loopback.
      const run = (await place.json('loadtest', ...loaded, '--yes')) as Run
      expect(run).toHaveProperty('steps')
      const { steps } = run
      expect(steps[0]?.errors).toEqual({})
      expect(steps[0]?.tiers['vector']).toMatchObject({ replicas: 3, cpuCores: null, memoryBytes: null })
      expect((await status()).notes.join('\n')).toContain('is not sampled')
    })

    test('says of a node that is drained what it keeps from running, and how to have it back', async () => {
      await place.docker('node', 'update', '--availability', 'drain', 'node-3')
      await until(60, async () => (await of('vector-3'))?.state === 'waiting')
      expect((await of('vector-3'))?.because).toContain('node-3, labelled for it, is drained')
      expect((await status()).notes).toContain('node node-3 takes no tasks: it is drained (docker node ls)')
      await place.docker('node', 'update', '--availability', 'active', 'node-3')
      const up = await place.ragscale('up')
      expect(up, up.stderr).toMatchObject({ exitCode: 0 })
    })

    test('says of a node that is down that its data is there, and waits for no other', async () => {
      await third.engine.kill()
      await until(90, async () => ((await of('vector-3'))?.because ?? '').includes('node-3'))
      const up = await place.ragscale('up')
      expect(up).toMatchObject({ exitCode: 4 })
      expect(up.stderr).toContain('node-3, labelled for it, is down: start its engine again')
      await third.engine.start()
      await until(60, async () => (await place.docker('node', 'ls')).match(/Ready/g)?.length === 3)
      const again = await place.ragscale('up')
      expect(again, again.stderr).toMatchObject({ exitCode: 0 })
    })

    test('rolls nothing out by a balancer on another node, and says which', async () => {
      const { stdout } = { stdout: await place.docker('node', 'inspect', '--format', '{{.ID}}', 'node-2') }
      await writeFile(
        join(place.folder, 'deploy/swarm/stack.override.yaml'),
        JSON.stringify({
          version: '3.13',
          services: { balancer: { deploy: { placement: { constraints: [`node.id == ${stdout}`] } } } },
        }),
      )
      const up = await place.ragscale('up')
      expect(up, up.stderr).toMatchObject({ exitCode: 0 })
      const refused = await place.ragscale('rollout', 'canary', 'gateway', '--image', 'ragscale:test')
      expect(refused).toMatchObject({ exitCode: 2 })
      expect(refused.stderr).toContain('balancer-1 on node node-2')
    })

    test('goes down on every node, and says what it cannot remove on the others', async () => {
      const down = await place.ragscale('down', '--volumes', '--yes')
      expect(down, down.stderr).toMatchObject({ exitCode: 0 })
      expect(down.stderr).toMatch(/leave on node-2: .*handbook_vector-data-2/)
      expect(await place.docker('service', 'ls', '--quiet')).toBe('')
      expect(await first.engine.docker('volume', 'ls', '--quiet')).toBe('')
      for (const { engine } of all.nodes) expect(await engine.docker('ps', '--quiet')).toBe('')
    })
  },
)
