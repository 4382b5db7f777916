/** What the tests on a real node share: the node, one stack in a folder, and its pods. */
import { join } from 'node:path'
import { afterAll, beforeAll, expect } from 'vitest'
import { type StackFolder, folderWith } from './command.ts'
import { type RunningGateway, startGateway } from './node/gateway-api.ts'
import { type RealNode, startNode } from './node/node.ts'

export const namespace = 'rag'
/** Longer than a pod takes to be asked, to end and to be replaced on two busy cores. */
export const patience = ['--yes', '--timeout', '240s'] as const
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

/** A stack, and what there is beside it. */
export interface Given {
  /** Of ragscale.yaml; its name is the release's. */
  readonly yaml: string
  /** Of the chart, over its own. */
  readonly values: object
  /** Whether the node has a Gateway that routes. */
  readonly routed: boolean
}

export interface OnRealNode {
  readonly node: () => RealNode
  readonly gateway: () => RunningGateway
  readonly place: () => StackFolder
  /** What a command says by `--json`. */
  readonly json: (...args: readonly string[]) => Promise<unknown>
  /** Of the release, or of one of its workloads; those that have ended too. */
  readonly pods: (workload?: string) => Pod[]
  /** Other values of the chart. */
  readonly override: (values: object) => Promise<void>
  /** As the machine's kernel kills it, or it itself by a crash. */
  readonly killContainer: (pod: Pod) => Promise<void>
}

export function isReady({ status }: Pod): boolean {
  return status.conditions?.some(({ type, status: is }) => type === 'Ready' && is === 'True') === true
}

/** For one file, whose tests go on from one another. */
export function onRealNode({ yaml, values, routed }: Given): OnRealNode {
  let started: { node: RealNode; gateway: RunningGateway | null; place: StackFolder } | undefined
  const running = () => {
    if (started === undefined) throw new Error('the node does not run')
    return started
  }
  const override = async (own: object): Promise<void> =>
    await running().place.write('deploy/helm/values.override.yaml', JSON.stringify(own))

  beforeAll(async () => {
    const node = await startNode()
    try {
      const gateway = routed ? await startGateway(node) : null
      started = { node, gateway, place: await folderWith(node, yaml) }
    } catch (error) {
      const written = await node.lastWords()
      await node.close()
      throw new Error(`the node is not ready for a stack\n${written}`, { cause: error })
    }
    await override(values)
  }, 600_000)
  afterAll(async () => {
    await started?.place.remove()
    await started?.node.close()
  }, 120_000)

  return {
    node: () => running().node,
    gateway: () => {
      const { gateway } = running()
      if (gateway === null) throw new Error('the node has no Gateway')
      return gateway
    },
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
