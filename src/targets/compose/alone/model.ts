/**
 * A rendered Compose file read without Docker Compose: ours alone, whose every key is known. What a user's own file
 * would make of it only Compose itself can say. Pure.
 */
import { parseDocument } from 'yaml'
import { z } from 'zod'
import { fingerprint } from '../../../render/compose/fingerprint.ts'

const text = z.union([z.string(), z.number(), z.boolean()]).transform(String)
const texts = z.array(text)
const mount = z.strictObject({
  type: z.enum(['volume', 'bind', 'tmpfs']),
  source: z.string().optional(),
  target: z.string(),
  read_only: z.boolean().optional(),
  bind: z.strictObject({ create_host_path: z.boolean() }).optional(),
  tmpfs: z.strictObject({ size: z.number() }).optional(),
})
const device = z.strictObject({
  driver: z.string(),
  device_ids: texts.optional(),
  count: z.union([z.literal('all'), z.number()]).optional(),
  capabilities: texts,
})
const service = z.strictObject({
  image: z.string(),
  build: z.string().optional(),
  pull_policy: z.string().optional(),
  entrypoint: texts.optional(),
  command: texts.optional(),
  user: z.string().optional(),
  hostname: z.string().optional(),
  read_only: z.boolean().optional(),
  init: z.boolean().optional(),
  restart: z.string(),
  cap_drop: texts.optional(),
  cap_add: texts.optional(),
  security_opt: texts.optional(),
  devices: texts.optional(),
  environment: z.record(z.string(), text).optional(),
  secrets: texts.optional(),
  configs: z.array(z.strictObject({ source: z.string(), target: z.string() })).optional(),
  networks: z.union([texts, z.record(z.string(), z.strictObject({ aliases: texts.optional() }).nullable())]),
  logging: z.strictObject({ driver: z.string(), options: z.record(z.string(), text) }).optional(),
  healthcheck: z
    .strictObject({
      test: texts,
      interval: z.string(),
      timeout: z.string(),
      retries: z.number(),
      start_period: z.string(),
      start_interval: z.string().optional(),
    })
    .optional(),
  stop_grace_period: z.string().optional(),
  stop_signal: z.string().optional(),
  shm_size: z.union([z.string(), z.number()]).optional(),
  ports: texts.optional(),
  volumes: z.array(mount).optional(),
  depends_on: z
    .record(z.string(), z.strictObject({ condition: z.string(), required: z.boolean().optional() }))
    .optional(),
  deploy: z
    .strictObject({
      replicas: z.number().optional(),
      resources: z
        .strictObject({
          limits: z.strictObject({ cpus: text.optional(), memory: z.string().optional() }).optional(),
          reservations: z
            .strictObject({
              cpus: text.optional(),
              memory: z.string().optional(),
              devices: z.array(device).optional(),
            })
            .optional(),
        })
        .optional(),
    })
    .optional(),
  labels: z.record(z.string(), text),
  profiles: texts.optional(),
})
export type AloneService = z.output<typeof service>

const labelled = z.strictObject({ labels: z.record(z.string(), text) })
const files = z.record(z.string(), z.strictObject({ file: z.string() })).default({})
const composeFile = z.object({
  name: z.string(),
  services: z.record(z.string(), service),
  networks: z.record(z.string(), labelled),
  volumes: z.record(z.string(), labelled).default({}),
  configs: files,
  secrets: files,
})

export interface AloneModel extends z.output<typeof composeFile> {
  /** By service: what its containers carry. */
  readonly hashes: Readonly<Record<string, string>>
}

const appliedFile = z.object({
  configs: files,
  services: z.record(z.string(), z.object({ volumes: z.array(mount).default([]) })).default({}),
})

export interface Reading {
  /** What ragscale itself puts over it (`applied.yaml`). */
  readonly applied: string | undefined
  /** Of `.env` and the environment. */
  readonly variables: Readonly<Record<string, string | undefined>>
}

/** @throws z.ZodError for a file that we did not render */
export function aloneModel(rendered: string, { applied, variables }: Reading): AloneModel {
  const file = composeFile.parse(resolved(rendered, variables))
  const over = appliedFile.parse(applied === undefined ? {} : resolved(applied, variables))
  const asked = (variables['COMPOSE_PROFILES'] ?? '').split(',').map((profile) => profile.trim())
  const services = Object.entries(file.services)
    .filter(
      ([, { profiles = [] }]) =>
        profiles.length === 0 || profiles.some((profile) => asked.includes(profile) || asked.includes('*')),
    )
    .map(([name, one]) => {
      const moved = over.services[name]?.volumes ?? []
      const volumes = one.volumes?.map(
        (found) => moved.find(({ target }) => target === found.target) ?? found,
      )
      return [name, volumes === undefined ? one : { ...one, volumes }] as const
    })
  const there = new Set(services.map(([name]) => name))
  const known = services.map(([name, { depends_on: after = {}, ...one }]) => {
    const kept = Object.entries(after).filter(([other]) => there.has(other))
    return [name, { ...one, depends_on: Object.fromEntries(kept) }] as const
  })
  return {
    ...file,
    configs: { ...file.configs, ...over.configs },
    services: Object.fromEntries(known),
    hashes: Object.fromEntries(known.map(([name, one]) => [name, hashOf(one)])),
  }
}

/** Of what makes a container another one: how many there are, and what they wait for, does not. */
function hashOf({ deploy, ...service }: AloneService): string {
  const { build: _b, pull_policy: _p, depends_on: _d, profiles: _q, ...rest } = service
  return `ragscale-${fingerprint(JSON.stringify({ ...rest, resources: deploy?.resources }))}`
}

/** YAML with its merges done, and its variables replaced. */
function resolved(yaml: string, variables: Reading['variables']): unknown {
  return interpolated(parseDocument(yaml, { merge: true }).toJS({ maxAliasCount: -1 }), variables)
}

function interpolated(value: unknown, variables: Reading['variables']): unknown {
  if (typeof value === 'string') {
    return value.replaceAll(/\$\$|\$\{([A-Z0-9_]+)(?::-([^}]*))?\}/g, (_, name?: string, otherwise = '') => {
      if (name === undefined) return '$'
      const given = variables[name]
      return given === undefined || given === '' ? (otherwise as string) : given
    })
  }
  if (Array.isArray(value)) return value.map((item) => interpolated(item, variables))
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(
    Object.entries(value).map(([key, inner]) => [key, interpolated(inner, variables)]),
  )
}

/** `NAME=value` a line, as `.env` has them; quotes around a value are taken off. */
export function variablesOf(env: string): Record<string, string> {
  return Object.fromEntries(
    env.split('\n').flatMap((line) => {
      const [, name, value = ''] = /^\s*(?:export\s+)?([A-Za-z_]\w*)=(.*)$/.exec(line) ?? []
      if (name === undefined) return []
      const bare = /^(["'])(.*)\1/.exec(value.trim())?.[2] ?? value.replace(/\s+#.*$/, '').trim()
      return [[name, bare]]
    }),
  )
}
