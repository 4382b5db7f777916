/** `deploy/swarm/`: the stack for `docker stack deploy`, one file for what always runs and one for each profile. */
import { type Tree, type TreeMap, aliased, anchored, said, section, yamlText } from '../compose/document.ts'
import { type MountedFile, ownFilesOf, watchingFilesOf } from '../compose/files.ts'
import { fingerprint } from '../compose/fingerprint.ts'
import { publishedPorts } from '../compose/ports.ts'
import { secretsGitignore, secretsOfStack, secretsReadme } from '../compose/secrets.ts'
import { isNumbered, type Service, servicesOf } from '../compose/services.ts'
import { volumeName, volumeSizes } from '../compose/volumes.ts'
import { showBytes } from '../../catalog/resources.ts'
import type { Stack } from '../../stack/stack.ts'
import { sourceOf, withHeader } from '../header.ts'
import { renderObservability } from '../observability/observability.ts'
import type { Rendered, Templates } from '../rendered.ts'
import { type Profile, profiles, type Topology, type Workload } from '../topology.ts'
import { beginningOf } from './balancer.ts'
import { swarmReadme } from './readme.ts'
import { network, ownFields, sharedFields, type SwarmContext } from './service.ts'

/** `swarm/stack.yaml`, a file a profile to be given beside it, what they mount, and how to begin. */
export function renderSwarm(asked: Topology, templates: Templates): Rendered {
  const topology = beginningOf(asked)
  const observability = renderObservability(topology, templates)
  const context: SwarmContext = {
    topology,
    services: servicesOf(topology),
    filesOf: (workload) => [...ownFilesOf(workload), ...watchingFilesOf(topology, workload, observability)],
  }
  const files = topology.workloads.flatMap(ownFilesOf)
  const used = profiles.filter((profile) =>
    topology.workloads.some((workload) => workload.profile === profile),
  )
  const stages = stagePorts(topology)
  return new Map([
    ['swarm/stack.yaml', yamlText(stackFile(null, context))],
    ...used.map((profile) => [`swarm/${profile}.yaml`, yamlText(stackFile(profile, context))] as const),
    ...(stages.length === 0 ? [] : ([['swarm/stages.yaml', yamlText(stagesFile(stages))]] as const)),
    ...files.map(({ source, text }) => [`swarm/${source}`, text] as const),
    ...observability,
    ['swarm/README.md', swarmReadme(topology, context.services, used)],
    ['swarm/secrets/.gitignore', secretsGitignore],
    ['swarm/secrets/README.md', secretsReadme(secretsOfStack(topology), reload, 'echo >')],
  ])
}

/** Of `secrets:`, since a swarm never changes one that is there, and takes none without a byte. */
const secretsVersion = 'RAGSCALE_SECRETS'

const reload = `A swarm never changes a secret that it has. After a change, deploy with another \`${secretsVersion}\` (\`export ${secretsVersion}=2\`):
the secrets get new names, and their readers are replaced one by one.`

function stackFile(profile: Profile | null, context: SwarmContext): TreeMap {
  const { topology } = context
  const services = context.services.filter(({ workload }) => workload.profile === profile)
  const workloads = topology.workloads.filter((workload) => workload.profile === profile)
  const blocks = workloads.filter((workload) => isNumbered(workload, 'swarm'))
  return {
    'x-service': section('What every container of the stack has.', anchored('service', everyService)),
    ...Object.fromEntries(
      blocks.map((workload) => [
        `x-${workload.name}`,
        section(workload.because, anchored(workload.name, sharedFields(workload, context))),
      ]),
    ),
    services: section('', {
      ...Object.fromEntries(services.map((service) => [service.name, serviceTree(service, context)])),
      ...(profile === 'tracing' ? traced(topology) : {}),
    }),
    networks: section('', { [network]: { driver: 'overlay', labels: stackLabel(topology) } }),
    volumes: unlessEmpty('', volumesOf(services, topology)),
    configs: unlessEmpty(
      'Named by what is in them: a swarm never changes a config that it has.',
      configsOf(workloads, context),
    ),
    secrets: unlessEmpty(
      'Files that are not rendered: secrets/README.md says how to make them.',
      secretFiles(workloads, context),
    ),
  }
}

const everyService: TreeMap = {
  init: true,
  cap_drop: ['ALL'],
  logging: { driver: 'json-file', options: { 'max-size': '10m', 'max-file': '3' } },
}

function serviceTree(service: Service, context: SwarmContext): Tree {
  const { workload, number } = service
  if (number !== null) return section('', { '<<': aliased(workload.name), ...ownFields(service, context) })
  const counted = workload.kind === 'replicas' || workload.kind === 'agent'
  return section(counted ? '' : workload.because, {
    ...sharedFields(workload, context),
    ...ownFields(service, context),
  })
}

/** What sends traces is told where, by the file that brings the collector. */
function traced({ workloads }: Topology): TreeMap {
  const port = workloads.find(({ name }) => name === 'collector')?.container.ports['http']
  if (port === undefined) return {}
  const told = workloads.flatMap(({ name, container: { tracesEnv } }) =>
    tracesEnv === undefined
      ? []
      : [[name, section('', { environment: { [tracesEnv]: `http://collector:${port}` } })] as const],
  )
  return Object.fromEntries(told)
}

type Ports = ReturnType<typeof publishedPorts>

function stagePorts(topology: Topology): Ports {
  return publishedPorts(topology).filter(({ workload, frontDoor }) => workload === 'balancer' && !frontDoor)
}

function stagesFile(ports: Ports): TreeMap {
  const published = ports.map(({ target, what }) =>
    said(what, { target, published: target, protocol: 'tcp', mode: 'host' }),
  )
  return {
    services: section(
      'For load tests of single stages, while nobody else reaches the nodes: the tiers’ ports on every address of the nodes that run a balancer, which a swarm cannot narrow to 127.0.0.1.',
      { balancer: { ports: published } },
    ),
  }
}

function volumesOf(services: readonly Service[], topology: Topology): TreeMap {
  const slots = new Set(services.filter(sharesName).flatMap(ownVolumes))
  return Object.fromEntries(
    volumeSizes(services).map(({ name, bytes }) => {
      const volume = {
        // One for each replica: the engine puts its number in.
        name: slots.has(name) ? `${topology.stack.name}_${name}-{{.Task.Slot}}` : undefined,
        labels: stackLabel(topology),
      }
      return [name, bytes === null ? volume : said(`about ${showBytes(bytes)}`, volume)]
    }),
  )
}

/** Replicas of one service mount volumes of one name, unless the name says which replica. */
function sharesName({ number, replicas }: Service): boolean {
  return number === null && replicas > 1
}

function ownVolumes(service: Service): string[] {
  const { mounts } = service.workload.container
  return mounts.filter(({ kind }) => kind === 'own').map((mount) => volumeName(mount, service))
}

function configsOf(workloads: readonly Workload[], { topology, filesOf }: SwarmContext): TreeMap {
  const files = workloads.flatMap(filesOf)
  return Object.fromEntries(
    files.map((file) => [file.config, { name: configName(topology.stack, file), file: `./${file.source}` }]),
  )
}

/**
 * At most 64 characters, which is what a swarm takes; its end tells it apart. It is of the text as it is deployed: a
 * config of the same name with another header would be refused.
 */
function configName(stack: Stack, { config, text, source }: MountedFile): string {
  const end = `-${fingerprint(config, withHeader(`swarm/${source}`, text, sourceOf(stack)))}`
  return `${`${stack.name}_${config}`.slice(0, 64 - end.length)}${end}`
}

function secretFiles(workloads: readonly Workload[], { topology }: SwarmContext): TreeMap {
  const secrets = secretsOfStack({ ...topology, workloads })
  return Object.fromEntries(
    secrets.map(({ name }) => [
      name,
      { name: `${topology.stack.name}_${name}_\${${secretsVersion}:-1}`, file: `./secrets/${name}` },
    ]),
  )
}

function unlessEmpty(because: string, map: TreeMap): Tree | undefined {
  return Object.keys(map).length === 0 ? undefined : section(because, map)
}

function stackLabel({ stack }: Topology): TreeMap {
  return { 'com.ragscale.stack': stack.name }
}
