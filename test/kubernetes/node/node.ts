/**
 * A cluster of one real node on this machine: API server, controllers, scheduler, kubelet, containerd, the proxy of
 * Services and names, without a registry. Pods really run. It is a world of its own (`world.ts`): neither the machine's
 * firewall nor its routes nor another engine notices it, and it is gone with the process that opened it.
 */
import { execFileSync } from 'node:child_process'
import { chmod, mkdir, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { whyNoEngine } from '../../engine/prerequisites.ts'
import { type ApiServer, startApiServer } from '../api-server.ts'
import { need } from '../control-plane.ts'
import { startControllers } from '../controllers.ts'
import { Processes } from '../processes.ts'
import { startContainerRuntime } from './container-runtime.ts'
import { saveImages } from './images.ts'
import { namesService, nodeName, startNodeAgents } from './kubelet.ts'
import { type Place, removePlace, takePlace } from './place.ts'
import { type World, openWorld } from './world.ts'

export interface RealNode extends Pick<ApiServer, 'crash' | 'comeBack'> {
  readonly kubeconfig: string
  /** At which it is called from this machine. */
  readonly address: string
  readonly place: Place
  readonly world: World
  readonly processes: Processes
  kubectl(args: readonly string[], input?: string): string
  /** What each of its programs has written last. */
  lastWords(): Promise<string>
  close(): Promise<void>
}

const volumes = 40

/** @throws Error with the last that its programs wrote */
export async function startNode(): Promise<RealNode> {
  const programs = {
    etcd: await need('etcd'),
    apiServer: await need('kube-apiserver'),
    controllers: await need('kube-controller-manager'),
    scheduler: await need('kube-scheduler'),
    kubelet: await need('kubelet'),
    proxy: await need('kube-proxy'),
    names: await need('coredns'),
    kubectl: await need('kubectl'),
  }
  for (const name of ['containerd', 'ctr', 'nft'] as const) await need(name)
  const connectors = dirname(await need('ptp'))
  const missing = await whyNoEngine()
  if (missing !== null) throw new Error(`the node's images are made in an engine: ${missing}`)
  const place = await takePlace()
  const opened: (() => Promise<void>)[] = [async () => await removePlace(place)]
  const close = async (): Promise<void> => {
    for (const end of opened.splice(0).toReversed()) await end()
  }
  let processes: Processes | undefined
  let server: ApiServer | undefined
  const lastWords = async (): Promise<string> =>
    [await server?.processes.lastWords(), await processes?.lastWords()].join('\n')
  try {
    const world = await openWorld(place)
    opened.push(async () => await world.close())
    processes = new Processes(place.folder, world.within)
    const runtime = await startContainerRuntime(place, world, connectors, processes)
    const archive = join(place.folder, 'images.tar')
    await saveImages(archive)
    await runtime.load(archive)
    await rm(archive)

    server = await startApiServer(programs, { address: place.addresses.node, within: world.within })
    const { kubeconfig, folder } = server
    // Its programs end with the world.
    opened.push(async () => await rm(folder, { recursive: true, force: true }))
    await startControllers(server, programs, [`--root-ca-file=${join(folder, 'certificates/apiserver.crt')}`])
    await startNodeAgents(place, { kubeconfig, runtime: runtime.socket }, programs, processes)
    const kubectl = (args: readonly string[], input = ''): string =>
      execFileSync(programs.kubectl, ['--kubeconfig', kubeconfig, ...args], {
        input,
        encoding: 'utf8',
        maxBuffer: 64 * 2 ** 20,
        timeout: 120_000,
      })
    const items = [...namesService(place), ...(await makeVolumes(place))]
    kubectl(['apply', '--filename', '-'], JSON.stringify({ apiVersion: 'v1', kind: 'List', items }))
    await untilReady(kubectl)
    const api = server
    return {
      kubeconfig,
      address: place.addresses.node,
      place,
      world,
      processes,
      kubectl,
      lastWords,
      crash: async () => await api.crash(),
      comeBack: async () => await api.comeBack(),
      close,
    }
  } catch (error) {
    const written = await lastWords()
    await close()
    throw new Error(`the node did not start\n${written}`, { cause: error })
  }
}

async function untilReady(kubectl: RealNode['kubectl']): Promise<void> {
  for (const until = Date.now() + 60_000; ;) {
    // It makes its own Node object.
    if (kubectl(['get', 'nodes', '--output', 'name']).includes(nodeName)) break
    if (Date.now() > until) throw new Error('the kubelet has not said that it is there')
    await new Promise((resolve) => setTimeout(resolve, 300))
  }
  kubectl(['wait', '--for=condition=Ready', `node/${nodeName}`, '--timeout=90s'])
}

/** Folders that claims are bound to, each once: nobody makes volumes here. */
async function makeVolumes(place: Place): Promise<readonly object[]> {
  const storageClassName = 'folders'
  const folders = Array.from({ length: volumes }, (_, index) => join(place.folder, 'volumes', String(index)))
  for (const folder of folders) {
    await mkdir(folder, { recursive: true })
    await chmod(folder, 0o777)
  }
  const onNode = {
    matchExpressions: [{ key: 'kubernetes.io/hostname', operator: 'In', values: [nodeName] }],
  }
  return [
    {
      apiVersion: 'storage.k8s.io/v1',
      kind: 'StorageClass',
      metadata: {
        name: storageClassName,
        annotations: { 'storageclass.kubernetes.io/is-default-class': 'true' },
      },
      provisioner: 'kubernetes.io/no-provisioner',
      volumeBindingMode: 'WaitForFirstConsumer',
    },
    ...folders.map((path, index) => ({
      apiVersion: 'v1',
      kind: 'PersistentVolume',
      metadata: { name: `folder-${index}` },
      spec: {
        storageClassName,
        capacity: { storage: '10Ti' },
        accessModes: ['ReadWriteOnce', 'ReadOnlyMany', 'ReadWriteMany'],
        persistentVolumeReclaimPolicy: 'Retain',
        local: { path },
        nodeAffinity: { required: { nodeSelectorTerms: [onNode] } },
      },
    })),
  ]
}
