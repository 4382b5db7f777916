/**
 * A cluster in which everything is real but the nodes: API server, controllers and scheduler decide, and kwok says of
 * each pod what a kubelet would say. No image is pulled and nothing runs.
 */
import { execFileSync, spawnSync } from 'node:child_process'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { parse } from 'yaml'
import { run } from '../tools/command.ts'
import { findTool } from '../tools/find-tool.ts'
import { extensions } from '../tools/kubernetes-schemas.ts'
import { type ToolName, howToGet } from '../tools/tools.ts'
import { type ApiServer, startApiServer } from './api-server.ts'
import { startControllers } from './controllers.ts'
import { faultStages, faultyImages } from './faults.ts'

export interface ControlPlane extends ApiServer {
  kubectl(args: readonly string[], input?: string): string
}

export interface FakeNode {
  readonly name: string
  readonly gpus: number
  readonly labels?: Readonly<Record<string, string>>
  readonly taints?: readonly { readonly key: string; readonly value: string; readonly effect: string }[]
}

/** Of the module, below `kustomize/stage`: a node and a pod are ready at once, a claim is bound, a deleted pod goes. */
const stages = [
  'node/fast/node-initialize.yaml',
  'node/heartbeat-with-lease/node-heartbeat-with-lease.yaml',
  'pod/fast/pod-ready.yaml',
  'pod/fast/pod-complete.yaml',
  'pod/fast/pod-delete.yaml',
  'volume/fast/pvc-provision.yaml',
  'volume/fast/pv-bind.yaml',
  'volume/fast/pvc-delete.yaml',
  'volume/fast/pv-delete.yaml',
]

/** Whose kinds the cluster knows, though nobody acts on them. */
const known = ['github.com/kedacore/keda', 'sigs.k8s.io/gateway-api']

/** @throws Error naming the tool that is missing, and how to get it */
export async function need(name: ToolName): Promise<string> {
  const path = await findTool(name)
  if (path === null) throw new Error(`${name} is missing: ${howToGet(name)}`)
  return path
}

export async function startControlPlane(nodes: readonly FakeNode[]): Promise<ControlPlane> {
  const programs = {
    etcd: await need('etcd'),
    apiServer: await need('kube-apiserver'),
    controllers: await need('kube-controller-manager'),
    scheduler: await need('kube-scheduler'),
    kwok: await need('kwok'),
    kubectl: await need('kubectl'),
  }
  const server = await startApiServer(programs)
  const { kubeconfig, folder, processes } = server
  const kubectl = (args: readonly string[], input = '') =>
    execFileSync(programs.kubectl, ['--kubeconfig', kubeconfig, ...args], {
      input,
      encoding: 'utf8',
      maxBuffer: 64 * 2 ** 20,
      timeout: 60_000,
    })
  try {
    // On a busy machine kwok may be late with a node's lease: no node is given up for that.
    await startControllers(server, programs, ['--node-monitor-grace-period=1h'])
    processes.start(
      'kwok',
      programs.kwok,
      [
        `--kubeconfig=${kubeconfig}`,
        `--config=${await stageFile(folder)}`,
        '--manage-all-nodes=true',
        '--node-lease-duration-seconds=40',
        '--node-ip=127.0.0.1',
      ],
      // As the API server is told not to.
      { KUBE_FEATURE_WatchListClient: 'false' },
    )
    for (const { module, path } of extensions.filter(({ module }) =>
      known.some((name) => module.startsWith(name)),
    )) {
      const { Dir } = JSON.parse(await run('go', ['mod', 'download', '-json', module])) as { Dir: string }
      kubectl(['apply', '--server-side', '--filename', join(Dir, path)])
    }
    kubectl(['wait', '--for=condition=Established', 'crd', '--all', '--timeout=60s'])
    kubectl(['apply', '--filename', '-'], JSON.stringify(listOf([storageClass, ...nodes.map(nodeOf)])))
    kubectl(['wait', '--for=condition=Ready', 'node', '--all', '--timeout=60s'])
    const used = spawnSync(programs.kubectl, ['--kubeconfig', kubeconfig, 'create', 'namespace', 'rag'])
    if (used.status !== 0) throw new Error(used.stderr.toString())
    return { ...server, kubectl }
  } catch (error) {
    const written = await processes.lastWords()
    await server.close()
    throw new Error(`the control plane did not start\n${written}`, { cause: error })
  }
}

interface Stage {
  readonly metadata: { readonly name: string }
  readonly spec: { readonly selector: { readonly matchExpressions: readonly object[] } }
}

async function stageFile(folder: string): Promise<string> {
  const module = new URL('../tools/kwok', import.meta.url)
  const { Dir } = JSON.parse(
    await run('go', ['list', '-m', '-json', 'sigs.k8s.io/kwok'], { cwd: module.pathname }),
  ) as { Dir: string }
  const texts = await Promise.all(
    stages.map(async (path) => await readFile(join(Dir, 'kustomize/stage', path), 'utf8')),
  )
  const file = join(folder, 'stages.yaml')
  const whole = texts.map((text) => {
    const stage = parse(text) as Stage
    if (stage.metadata.name !== 'pod-ready') return stage
    const { selector } = stage.spec
    const sound = { key: '.spec.containers.[0].image', operator: 'NotIn', values: faultyImages }
    const matchExpressions = [...selector.matchExpressions, sound]
    return { ...stage, spec: { ...stage.spec, selector: { ...selector, matchExpressions } } }
  })
  await writeFile(file, [...whole, ...faultStages].map((stage) => JSON.stringify(stage)).join('\n---\n'))
  return file
}

function nodeOf({ name, gpus, labels = {}, taints = [] }: FakeNode) {
  const room = {
    cpu: '64',
    memory: '512Gi',
    pods: '110',
    ...(gpus === 0 ? {} : { 'nvidia.com/gpu': String(gpus) }),
  }
  return {
    apiVersion: 'v1',
    kind: 'Node',
    metadata: { name, labels: { 'kubernetes.io/hostname': name, ...labels } },
    spec: { taints },
    status: { allocatable: room, capacity: room },
  }
}

/** By default, of the name that kwok's stages give volumes for. */
const storageClass = {
  apiVersion: 'storage.k8s.io/v1',
  kind: 'StorageClass',
  metadata: {
    name: 'kwok-volume',
    annotations: { 'storageclass.kubernetes.io/is-default-class': 'true' },
  },
  provisioner: 'kwok.x-k8s.io/volume',
}

function listOf(items: readonly object[]) {
  return { apiVersion: 'v1', kind: 'List', items }
}
