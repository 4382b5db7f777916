/** A stack file as `docker stack config` gives it, after merging and interpolation: what is wanted of each service. Pure. */
import { createHash } from 'node:crypto'
import { parse } from 'yaml'
import { z } from 'zod'
import type { Topology } from '../../render/topology.ts'
import { replicaLabel, stackLabel, tierLabel, workloadLabel } from '../docker/containers.ts'

/** Of a service: what it was deployed by, but for how many of it. */
export const configurationLabel = 'com.ragscale.configuration'

export const serviceModes = ['replicated', 'global', 'replicated-job', 'global-job'] as const
export type ServiceMode = (typeof serviceModes)[number]

export interface WantedService {
  /** As the stack file calls it: `embed`, `vector-2`. */
  readonly name: string
  readonly workload: string
  readonly tier: string
  readonly component: string
  /** Where each node of a cluster is a service of its own. */
  readonly number: string | null
  readonly mode: ServiceMode
  /** 1 for what runs on every node. */
  readonly replicas: number
  readonly image: string
  /** Names in the swarm. */
  readonly configs: readonly string[]
  readonly secrets: readonly string[]
  /** Labels that a node needs for it: `ragscale.vector-2`. */
  readonly nodeLabels: readonly string[]
  readonly fingerprint: string
}

export interface Model {
  readonly services: readonly WantedService[]
  /** Names in the swarm of what is read from files. */
  readonly configs: readonly string[]
  readonly secrets: readonly { readonly key: string; readonly name: string; readonly file: string }[]
  /** The file for `docker stack deploy`, whole, with labels for each service; JSON, which is YAML as well. */
  readonly document: string
}

const source = z.looseObject({ source: z.string() })
const fromFile = z.looseObject({ name: z.string().optional(), file: z.string().optional() })
const serviceModel = z.looseObject({
  image: z.string().default(''),
  labels: z.record(z.string(), z.string()).default({}),
  deploy: z
    .looseObject({
      mode: z.enum(serviceModes).default('replicated'),
      replicas: z.number().optional(),
      labels: z.record(z.string(), z.string()).default({}),
      placement: z.looseObject({ constraints: z.array(z.string()).default([]) }).optional(),
    })
    .optional(),
  configs: z.array(source).default([]),
  secrets: z.array(source).default([]),
})
const stackModel = z.looseObject({
  services: z.record(z.string(), serviceModel),
  configs: z.record(z.string(), fromFile).default({}),
  secrets: z.record(z.string(), fromFile).default({}),
})
type ServiceModel = z.output<typeof serviceModel>

/**
 * @param text of `docker stack config`
 * @param move where a file is that the text names
 */
export function modelOf(text: string, topology: Topology, move: (file: string) => string): Model {
  const raw: unknown = parse(text)
  const model = stackModel.parse(raw)
  const named = (files: typeof model.configs) => (key: string) => files[key]?.name ?? key
  const services = Object.entries(model.services).map(([name, service]) =>
    serviceOf(name, service, named(model.configs), named(model.secrets), topology),
  )
  return {
    services: inOrder(services, topology),
    configs: Object.keys(model.configs).map(named(model.configs)),
    secrets: Object.entries(model.secrets).flatMap(([key, { name = key, file }]) =>
      file === undefined ? [] : [{ key, name, file: move(file) }],
    ),
    document: documentOf(model, services, topology.stack.name, move),
  }
}

function serviceOf(
  name: string,
  service: ServiceModel,
  configName: (key: string) => string,
  secretName: (key: string) => string,
  { workloads }: Topology,
): WantedService {
  const { deploy, image, labels } = service
  const workload = labels[workloadLabel] ?? name
  const configs = service.configs.map((one) => configName(one.source))
  const secrets = service.secrets.map((one) => secretName(one.source))
  const { replicas = 1, ...rest } = deploy ?? {}
  return {
    name,
    workload,
    tier: labels[tierLabel] ?? name,
    component: workloads.find((one) => one.name === workload)?.component ?? image,
    number: labels[replicaLabel] ?? null,
    mode: deploy?.mode ?? 'replicated',
    replicas,
    image,
    configs,
    secrets,
    nodeLabels: (deploy?.placement?.constraints ?? []).flatMap(
      (constraint) => /^node\.labels\.(\S+) == true$/.exec(constraint)?.[1] ?? [],
    ),
    fingerprint: hashOf({ ...service, deploy: rest, configNames: configs, secretNames: secrets }),
  }
}

function hashOf(value: unknown): string {
  return createHash('sha256').update(JSON.stringify(value)).digest('hex').slice(0, 16)
}

function documentOf(
  model: z.output<typeof stackModel>,
  services: readonly WantedService[],
  stack: string,
  move: (file: string) => string,
): string {
  const moved = (files: typeof model.configs) =>
    Object.fromEntries(
      Object.entries(files).map(([key, file]) => [
        key,
        file.file === undefined ? file : { ...file, file: move(file.file) },
      ]),
    )
  const labelled = Object.fromEntries(
    services.map(({ name, fingerprint }) => {
      const service = model.services[name]
      const labels = {
        ...service?.deploy?.labels,
        [stackLabel]: stack,
        [configurationLabel]: fingerprint,
      }
      return [name, { ...service, deploy: { ...service?.deploy, labels } }]
    }),
  )
  const document = {
    ...Object.fromEntries(Object.entries(model).filter(([key]) => !key.startsWith('x-'))),
    services: labelled,
    configs: moved(model.configs),
    secrets: moved(model.secrets),
  }
  // It is interpolated a second time when it is deployed.
  return JSON.stringify(document, (_, value: unknown) =>
    typeof value === 'string' ? value.replaceAll('$', '$$$$') : value,
  )
}

/** That of the topology; services that only a user's own file has come last. */
function inOrder(services: readonly WantedService[], { workloads }: Topology): WantedService[] {
  const place = ({ workload }: WantedService): number => {
    const at = workloads.findIndex(({ name }) => name === workload)
    return at === -1 ? workloads.length : at
  }
  return [...services].sort(
    (a, b) => place(a) - place(b) || a.name.localeCompare(b.name, 'en', { numeric: true }),
  )
}
