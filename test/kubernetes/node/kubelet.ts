/** What makes a machine a node: a kubelet, the proxy of Services, and names for its pods. */
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { makeGroups } from '../../places/control-groups.ts'
import type { Processes } from '../processes.ts'
import type { Place } from './place.ts'

export const nodeName = 'node'
export const clusterDomain = 'cluster.local'

/** Of the Service by which every cluster's names are asked for. */
const namesAddress = '10.96.0.10'

export interface NodePrograms {
  readonly kubelet: string
  readonly proxy: string
  readonly names: string
}

/** As the API server is told not to. */
const env = { KUBE_FEATURE_WatchListClient: 'false' }

export async function startNodeAgents(
  place: Place,
  { kubeconfig, runtime }: { readonly kubeconfig: string; readonly runtime: string },
  programs: NodePrograms,
  processes: Processes,
): Promise<void> {
  const at = (name: string): string => join(place.folder, name)
  const node = place.addresses.node
  // It makes its groups below one that is there already.
  await makeGroups(place.controlGroup)
  await mkdir(at('kubelet'), { recursive: true })
  await writeFile(at('kubelet.json'), JSON.stringify(kubeletConfig(place, runtime)))
  processes.start(
    'kubelet',
    programs.kubelet,
    [
      `--config=${at('kubelet.json')}`,
      `--kubeconfig=${kubeconfig}`,
      `--root-dir=${at('kubelet')}`,
      `--cert-dir=${at('kubelet/certificates')}`,
      `--hostname-override=${nodeName}`,
      `--node-ip=${node}`,
      // Whose containers it counts.
      `--containerd=${runtime}`,
      '--containerd-namespace=k8s.io',
    ],
    env,
  )
  await writeFile(at('proxy.json'), JSON.stringify(proxyConfig(kubeconfig)))
  processes.start('kube-proxy', programs.proxy, [`--config=${at('proxy.json')}`], env)
  await writeFile(at('Corefile'), namesConfig(node, kubeconfig))
  processes.start('coredns', programs.names, ['-conf', at('Corefile')], env)
}

function kubeletConfig({ folder, addresses, controlGroup }: Place, runtime: string) {
  return {
    apiVersion: 'kubelet.config.k8s.io/v1beta1',
    kind: 'KubeletConfiguration',
    address: addresses.node,
    // Nobody but the API server of the same test reaches it.
    authentication: { anonymous: { enabled: true }, webhook: { enabled: false } },
    authorization: { mode: 'AlwaysAllow' },
    containerRuntimeEndpoint: `unix://${runtime}`,
    cgroupDriver: 'cgroupfs',
    cgroupRoot: `/${controlGroup}`,
    // Whatever the machine has.
    failCgroupV1: false,
    failSwapOn: false,
    clusterDNS: [namesAddress],
    clusterDomain,
    resolvConf: '',
    podLogsDir: join(folder, 'pod-logs'),
    volumePluginDir: join(folder, 'volume-plugins'),
    makeIPTablesUtilChains: false,
    // A machine's disk may be nearly full for reasons of its own.
    evictionHard: { 'memory.available': '100Mi', 'nodefs.available': '1%', 'imagefs.available': '1%' },
    imageGCHighThresholdPercent: 100,
    syncFrequency: '10s',
    registryPullQPS: 0,
  }
}

function proxyConfig(kubeconfig: string) {
  return {
    apiVersion: 'kubeproxy.config.k8s.io/v1alpha1',
    kind: 'KubeProxyConfiguration',
    mode: 'nftables',
    hostnameOverride: nodeName,
    clientConnection: { kubeconfig },
    // Settings of the whole machine.
    conntrack: { maxPerCore: 0, min: 0, tcpEstablishedTimeout: '0s', tcpCloseWaitTimeout: '0s' },
  }
}

/** The Service that a cluster's names are asked by; they are a process of the node, and no pod. */
export function namesService({ addresses }: Place): readonly object[] {
  const metadata = { name: 'kube-dns', namespace: 'kube-system' }
  const ports = (['UDP', 'TCP'] as const).map((protocol) => ({
    name: protocol === 'UDP' ? 'dns' : 'dns-tcp',
    protocol,
    port: 53,
  }))
  return [
    { apiVersion: 'v1', kind: 'Service', metadata, spec: { clusterIP: namesAddress, ports } },
    {
      apiVersion: 'discovery.k8s.io/v1',
      kind: 'EndpointSlice',
      metadata: { ...metadata, labels: { 'kubernetes.io/service-name': metadata.name } },
      addressType: 'IPv4',
      endpoints: [{ addresses: [addresses.node] }],
      ports,
    },
  ]
}

function namesConfig(address: string, kubeconfig: string): string {
  return `.:53 {
  bind ${address}
  errors
  kubernetes ${clusterDomain} {
    kubeconfig ${kubeconfig}
    ttl 5
  }
}
`
}
