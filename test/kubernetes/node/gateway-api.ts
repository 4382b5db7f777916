/** A Gateway of the Gateway API that really routes: Contour decides, Envoy passes on, both processes of the node. */
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { run } from '../../tools/command.ts'
import { extensions } from '../../tools/kubernetes-schemas.ts'
import { need } from '../control-plane.ts'
import type { RealNode } from './node.ts'

export interface RunningGateway {
  readonly name: string
  readonly namespace: string
  /** Of its one listener, as this machine calls it. */
  readonly url: string
}

const name = 'front'
const namespace = 'gateways'
const port = 80
/** Where Contour has Envoy listen for it: what stands before a cluster passes one on to the other. */
const envoyPort = port + 8000
const updates = { address: '127.0.0.1', port: '8001' }

/** @throws Error when it does not come to listen */
export async function startGateway(node: RealNode): Promise<RunningGateway> {
  const [contour, envoy] = [await need('contour'), await need('envoy')]
  const folder = join(node.place.folder, 'gateway')
  await mkdir(folder)
  const at = (file: string): string => join(folder, file)
  for (const definitions of await definitionFiles())
    node.kubectl(['apply', '--server-side', '--filename', definitions])
  node.kubectl(['wait', '--for=condition=Established', 'crd', '--all', '--timeout=60s'])
  node.kubectl(
    ['apply', '--filename', '-'],
    JSON.stringify({ apiVersion: 'v1', kind: 'List', items: gateway }),
  )

  await writeFile(at('contour.json'), JSON.stringify({ gateway: { gatewayRef: { name, namespace } } }))
  const addresses = ['xds', 'health', 'http', 'debug-http', 'stats'].map(
    (what) => `--${what}-address=${updates.address}`,
  )
  node.processes.start(
    'contour',
    contour,
    [
      'serve',
      `--kubeconfig=${node.kubeconfig}`,
      `--config-path=${at('contour.json')}`,
      // Between two processes of one machine.
      '--insecure',
      '--disable-leader-election',
      ...addresses,
      `--xds-port=${updates.port}`,
      `--ingress-status-address=${node.address}`,
      ...['tlsroutes', 'grpcroutes', 'tcproutes', 'backendtlspolicies', 'extensionservices'].map(
        (feature) => `--disable-feature=${feature}`,
      ),
    ],
    { KUBE_FEATURE_WatchListClient: 'false' },
  )
  await run(contour, [
    'bootstrap',
    at('envoy.json'),
    `--admin-address=${at('admin.sock')}`,
    `--xds-address=${updates.address}`,
    `--xds-port=${updates.port}`,
  ])
  node.processes.start('envoy', envoy, [
    '--config-path',
    at('envoy.json'),
    '--disable-hot-restart',
    // Each by itself: Envoy knows no other way.
    '--log-level',
    'warn',
    '--service-cluster',
    name,
    '--service-node',
    name,
  ])
  await untilEnvoyReady(node)
  node.kubectl(['wait', '--for=condition=Programmed', `gateway/${name}`, '-n', namespace, '--timeout=60s'])
  await node.world.run('nft', 'add table ip front')
  await node.world.run('nft', 'add chain ip front in { type nat hook prerouting priority dstnat; }')
  const to = `ip daddr ${node.address} tcp dport ${port} redirect to :${envoyPort}`
  await node.world.run('nft', `add rule ip front in ${to}`)
  return { name, namespace, url: `http://${node.address}` }
}

/** It listens for requests from the first route on, and says before that whether it has been told of any. */
async function untilEnvoyReady({ world }: RealNode): Promise<void> {
  const url = `http://${updates.address}:8002/ready`
  const args = ['--silent', '--fail', '--retry', '60', '--retry-delay', '1', '--retry-all-errors', url]
  await world.run('curl', ...args)
}

const gateway = [
  { apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } },
  {
    apiVersion: 'gateway.networking.k8s.io/v1',
    kind: 'GatewayClass',
    metadata: { name: 'contour' },
    spec: { controllerName: 'projectcontour.io/gateway-controller' },
  },
  {
    apiVersion: 'gateway.networking.k8s.io/v1',
    kind: 'Gateway',
    metadata: { name, namespace },
    spec: {
      gatewayClassName: 'contour',
      listeners: [{ name: 'http', protocol: 'HTTP', port, allowedRoutes: { namespaces: { from: 'All' } } }],
    },
  },
]

/** Of the kinds that both know. */
async function definitionFiles(): Promise<string[]> {
  const files: string[] = []
  for (const { module, path } of extensions.filter(({ module }) =>
    module.startsWith('sigs.k8s.io/gateway-api'),
  )) {
    const { Dir } = JSON.parse(await run('go', ['mod', 'download', '-json', module])) as { Dir: string }
    files.push(join(Dir, path))
  }
  const cwd = fileURLToPath(new URL('../../tools/cluster', import.meta.url))
  const listed = await run('go', ['list', '-m', '-json', 'github.com/projectcontour/contour'], { cwd })
  const { Dir } = JSON.parse(listed) as { Dir: string }
  return [...files, join(Dir, 'examples/contour/01-crds.yaml')]
}
