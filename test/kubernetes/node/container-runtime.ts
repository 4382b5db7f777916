/** containerd as a node has it: its own sockets, images and state, and the network of its pods. */
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Processes } from '../processes.ts'
import type { Place } from './place.ts'
import type { World } from './world.ts'

export const pauseImage = 'pause:test'
const readyMs = 60_000

export interface ContainerRuntime {
  readonly socket: string
  /** Images of a `docker save`. */
  load(archive: string): Promise<void>
}

/** @throws Error when it does not answer */
export async function startContainerRuntime(
  place: Place,
  world: World,
  /** Where the plugins are that connect pods. */
  connectors: string,
  processes: Processes,
): Promise<ContainerRuntime> {
  const at = (name: string): string => join(place.folder, name)
  const socket = at('containerd.sock')
  const networks = at('networks')
  await mkdir(networks)
  await writeFile(join(networks, '10-pods.conflist'), JSON.stringify(podNetwork(place), null, 2))
  await writeFile(at('containerd.toml'), configOf(place, socket, { networks, connectors }))
  processes.start('containerd', 'containerd', ['--config', at('containerd.toml'), '--log-level', 'warn'])
  const ctr = (...args: string[]) => world.run('ctr', '--address', socket, '--namespace', 'k8s.io', ...args)
  for (const until = Date.now() + readyMs; ; await sleep(200)) {
    if (
      await ctr('version').then(
        () => true,
        () => false,
      )
    )
      break
    if (Date.now() > until) throw new Error(`containerd does not answer after ${readyMs / 1000} s`)
  }
  return {
    socket,
    load: async (archive) => void (await ctr('images', 'import', '--no-unpack=false', archive)),
  }
}

function configOf(
  { folder }: Place,
  socket: string,
  { networks, connectors }: { readonly networks: string; readonly connectors: string },
): string {
  const cri = '[plugins."io.containerd.grpc.v1.cri"'
  return `version = 2
root = "${folder}/containerd"
state = "/run/containerd-node"
[grpc]
  address = "${socket}"
[plugins."io.containerd.internal.v1.opt"]
  path = "${folder}/opt"
${cri}]
  sandbox_image = "docker.io/library/${pauseImage}"
  # A machine may not let its root protect a process from being killed for memory.
  restrict_oom_score_adj = true
${cri}.cni]
  bin_dir = "${connectors}"
  conf_dir = "${networks}"
${cri}.containerd]
  snapshotter = "overlayfs"
${cri}.containerd.runtimes.runc]
  runtime_type = "io.containerd.runc.v2"
${cri}.containerd.runtimes.runc.options]
  SystemdCgroup = false
`
}

/** A cable from each pod to its node, which routes: no bridge, through whose middle a Service's answers would slip. */
function podNetwork({ folder, pods }: Place) {
  return {
    cniVersion: '0.4.0',
    name: 'pods',
    plugins: [
      {
        type: 'ptp',
        ipam: {
          type: 'host-local',
          ranges: [[{ subnet: pods }]],
          routes: [{ dst: '0.0.0.0/0' }],
          dataDir: join(folder, 'addresses'),
        },
      },
    ],
  }
}
