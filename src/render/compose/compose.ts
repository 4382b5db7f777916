/** `deploy/compose/`: the stack for Docker Compose on one machine. */
import { showBytes } from '../../catalog/resources.ts'
import { renderObservability } from '../observability/observability.ts'
import type { Rendered, Templates } from '../rendered.ts'
import type { Topology, Workload } from '../topology.ts'
import { type Tree, type TreeMap, aliased, anchored, said, section, yamlText } from './document.ts'
import { environmentExample } from './environment-example.ts'
import { ownFilesOf } from './files.ts'
import { secretsGitignore, secretsOfStack, secretsReadme } from './secrets.ts'
import { type ComposeContext, network, ownFields, sharedFields } from './service.ts'
import { type Service, isNumbered, servicesOf } from './services.ts'
import { volumeSizes } from './volumes.ts'

/** `compose/compose.yaml`, what it mounts, and what a user needs beside it. */
export function renderCompose(topology: Topology, templates: Templates): Rendered {
  const onOneMachine = withOneBalancer(topology)
  const context: ComposeContext = {
    topology: onOneMachine,
    services: servicesOf(onOneMachine),
    observability: renderObservability(onOneMachine, templates),
  }
  const files = onOneMachine.workloads.flatMap(ownFilesOf)
  return new Map([
    ['compose/compose.yaml', yamlText(composeFile(context))],
    ...files.map(({ source, text }) => [`compose/${source}`, text] as const),
    ...context.observability,
    ['compose/.env.example', environmentExample(onOneMachine)],
    ['compose/secrets/.gitignore', secretsGitignore],
    ['compose/secrets/README.md', secretsReadme(secretsOfStack(onOneMachine), reload)],
  ])
}

const reload =
  'A container reads its secrets when it starts: after a change, `docker compose up -d --force-recreate <service>`.'

/** A second balancer could not listen on the same ports of the same machine. */
function withOneBalancer(topology: Topology): Topology {
  const workloads = topology.workloads.map((workload): Workload => {
    if (workload.name !== 'balancer' || workload.count === 1) return workload
    return { ...workload, count: 1, because: 'one, which has the ports of this machine' }
  })
  return { ...topology, workloads }
}

function composeFile(context: ComposeContext): TreeMap {
  const { topology, services } = context
  return {
    name: topology.stack.name,
    'x-service': section('What every container of the stack has.', anchored('service', everyService)),
    'x-job': section(
      'A job runs to its end. One that fails is tried again, and then what waits for it does not start.',
      anchored('job', { '<<': aliased('service'), restart: 'on-failure:5' }),
    ),
    ...blocks(context),
    services: section(
      '',
      Object.fromEntries(services.map((service) => [service.name, serviceTree(service, context)])),
    ),
    networks: section('', { [network]: { labels: labels(topology) } }),
    volumes: unlessEmpty('', volumesOf(services, topology)),
    configs: unlessEmpty('', configsOf(topology)),
    secrets: unlessEmpty(
      'Files that are not rendered: secrets/README.md says how to make them.',
      secretFiles(topology),
    ),
  }
}

function unlessEmpty(because: string, map: TreeMap): Tree | undefined {
  return Object.keys(map).length === 0 ? undefined : section(because, map)
}

const everyService: TreeMap = {
  restart: 'unless-stopped',
  // Process 1 that passes signals on and buries what health checks leave behind.
  init: true,
  cap_drop: ['ALL'],
  security_opt: ['no-new-privileges:true'],
  networks: [network],
  logging: { driver: 'json-file', options: { 'max-size': '10m', 'max-file': '3' } },
}

/** One block for a workload whose replicas are services of their own: each adds only what is its own. */
function blocks(context: ComposeContext): TreeMap {
  const numbered = context.topology.workloads.filter((workload) => isNumbered(workload, 'compose'))
  return Object.fromEntries(
    numbered.map((workload) => [
      `x-${workload.name}`,
      section(workload.because, anchored(workload.name, sharedFields(workload, true, context))),
    ]),
  )
}

function serviceTree(service: Service, context: ComposeContext): Tree {
  const { workload, number } = service
  if (number !== null) return section('', { '<<': aliased(workload.name), ...ownFields(service, context) })
  return section(workload.kind === 'replicas' ? '' : workload.because, {
    ...sharedFields(workload, false, context),
    ...ownFields(service, context),
  })
}

function volumesOf(services: readonly Service[], topology: Topology): TreeMap {
  return Object.fromEntries(
    volumeSizes(services).map(({ name, bytes }) => {
      const volume = { labels: labels(topology) }
      return [name, bytes === null ? volume : said(`about ${showBytes(bytes)}`, volume)]
    }),
  )
}

function configsOf({ workloads }: Topology): TreeMap {
  const files = workloads.flatMap(ownFilesOf)
  return Object.fromEntries(files.map(({ config, source }) => [config, { file: `./${source}` }]))
}

function secretFiles(topology: Topology): TreeMap {
  const secrets = secretsOfStack(topology)
  return Object.fromEntries(secrets.map(({ name }) => [name, { file: `./secrets/${name}` }]))
}

function labels({ stack }: Topology): TreeMap {
  return { 'com.ragscale.stack': stack.name }
}
