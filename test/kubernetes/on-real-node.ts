/** What the tests on a real node share: the node with a Gateway, one stack in a folder, and its pods. */
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect } from 'vitest'
import { type StackFolder, folderWith } from './command.ts'
import { type RunningGateway, startGateway } from './node/gateway-api.ts'
import { type RealNode, startNode } from './node/node.ts'

export const namespace = 'rag'
/** Longer than a pod takes to be asked, to end and to be replaced on two busy cores. */
export const patience = ['--yes', '--timeout', '240s'] as const
/** On a node of two cores, all of them: what they reserve is not what is tried here. */
const little = 'resources: { cpus: 0.05 }'
const yaml = `name: handbook
target: kubernetes
rehearse: true
tiers:
  gateway: { component: reference, replicas: 2, ${little} }
  embed:
    component: tei
    model: BAAI/bge-small-en-v1.5
    replicas: 2 # for now
    ${little}
    emulate: { model: fifo, law: fixed, mean: 100ms, servers: 1 }
  vector:
    component: qdrant
    nodes: 3
    cpus: 1
    collection: { name: docs, dimensions: 384, distance: Cosine, points: 1_000, shards: 6, replication: 2 }
  generate: { component: vllm, model: meta-llama/Llama-3.1-8B-Instruct, replicas: 2, gpu: H100, maxModelLength: 8192, ${little} }
  cache: { component: redis, image: 'redis:test', ${little} }
  worker: { component: reference, ${little} }
balancer: { component: nginx, image: 'nginx:test' }
workload: { rate: 4/s, queries: queries.txt, seed: 7, topK: 3, outputTokens: 8 }
slo:
  embed: { p95: 2s }
  pipeline: { p95: 5s, errors: 5% }
limits: { replicas: 8 }
`
/** All nodes of vector on the one that there is; and what emulators reserve, whatever the file says of the real ones. */
const sized = (embedMemory: string) => ({
  vector: { apart: 'preferred' },
  embed: { resources: { requests: { cpu: '50m', memory: embedMemory }, limits: { memory: embedMemory } } },
  generate: { resources: { requests: { cpu: '50m' } } },
})

interface Values {
  /** Of a replica of embed, `512Mi` where it is left out. */
  readonly embedMemory?: string
  readonly routing?: object
}

export interface Pod {
  readonly metadata: {
    readonly name: string
    readonly uid: string
    readonly labels: Readonly<Record<string, string>>
  }
  readonly status: {
    readonly phase: string
    readonly conditions?: readonly { readonly type: string; readonly status: string }[]
    readonly containerStatuses?: readonly { readonly containerID: string; readonly restartCount: number }[]
  }
}

export interface OnRealNode {
  readonly node: () => RealNode
  readonly gateway: () => RunningGateway
  readonly place: () => StackFolder
  /** What a command says by `--json`. */
  readonly json: (...args: readonly string[]) => Promise<unknown>
  /** Of the release, or of one of its workloads; those that have ended too. */
  readonly pods: (workload?: string) => Pod[]
  /** Of the chart's values, beside those that a single node needs. */
  readonly override: (values: Values) => Promise<void>
  /** As the machine's kernel kills it, or it itself by a crash. */
  readonly killContainer: (pod: Pod) => Promise<void>
}

export function isReady({ status }: Pod): boolean {
  return status.conditions?.some(({ type, status: is }) => type === 'Ready' && is === 'True') === true
}

/** For one file, whose tests go on from one another. */
export function onRealNode(): OnRealNode {
  let started: { node: RealNode; gateway: RunningGateway; place: StackFolder } | undefined
  const running = () => {
    if (started === undefined) throw new Error('the node does not run')
    return started
  }
  const override = async ({ embedMemory = '512Mi', ...more }: Values): Promise<void> =>
    await running().place.write(
      'deploy/helm/values.override.yaml',
      JSON.stringify({ tiers: sized(embedMemory), ...more }),
    )

  beforeAll(async () => {
    const node = await startNode()
    try {
      const gateway = await startGateway(node)
      started = { node, gateway, place: await folderWith(node, yaml) }
    } catch (error) {
      const written = await node.lastWords()
      await node.close()
      throw new Error(`the node has no Gateway\n${written}`, { cause: error })
    }
    const { folder } = started.place
    const queries = Array.from({ length: 1_000 }, (_, index) => `What is in shard ${index}?\n`)
    await writeFile(join(folder, 'queries.txt'), queries.join(''))
    await mkdir(join(folder, 'documents'))
    for (let index = 0; index < 20; index++)
      await writeFile(join(folder, `documents/${index}.md`), `Shard ${index} holds what no other does.\n`)
    await override({})
  }, 600_000)
  afterAll(async () => {
    await started?.place.remove()
    await started?.node.close()
  }, 120_000)

  return {
    node: () => running().node,
    gateway: () => running().gateway,
    place: () => running().place,
    override,
    json: async (...args) => {
      const { code, out, err } = await running().place.command('--json', ...args)
      expect(out, `exit ${code}: ${err}`).not.toBe('')
      return JSON.parse(out) as unknown
    },
    pods: (workload) => {
      const labels = ['app.kubernetes.io/instance=handbook']
      if (workload !== undefined) labels.push(`app.kubernetes.io/component=${workload}`)
      const args = ['get', 'pods', '-n', namespace, '--selector', labels.join(','), '--output', 'json']
      return (JSON.parse(running().node.kubectl(args)) as { items: Pod[] }).items
    },
    killContainer: async ({ status }) => {
      const { place, world } = running().node
      const id = status.containerStatuses?.[0]?.containerID.replace('containerd://', '') ?? ''
      const at = ['--address', join(place.folder, 'containerd.sock'), '--namespace', 'k8s.io']
      await world.run('ctr', ...at, 'tasks', 'kill', '--signal', 'SIGKILL', id)
    },
  }
}
