/** A rendered service as the engine is asked for its container. Pure. */
import { resolve } from 'node:path'
import type { ContainerCreateOptions, HostConfig } from 'dockerode'
import type { AloneModel, AloneService } from './model.ts'

export interface Placed {
  readonly model: AloneModel
  /** Absolute: paths in the file are relative to it. */
  readonly folder: string
}

/** The names and labels are Compose's, so that it takes them for its own on the day that it is installed. */
export function containerOptions(
  name: string,
  number: number,
  { model, folder }: Placed,
): ContainerCreateOptions & { name: string } {
  const service = model.services[name]
  if (service === undefined) throw new Error(`there is no service ${name}`)
  const { environment = {}, healthcheck, networks, labels } = service
  const ports = (service.ports ?? []).map(portOf)
  const [network = 'default'] = Array.isArray(networks) ? networks : Object.keys(networks)
  const aliases = Array.isArray(networks) ? [] : (networks[network]?.aliases ?? [])
  return {
    name: containerName(model, name, number),
    Image: service.image,
    ...(service.entrypoint === undefined ? {} : { Entrypoint: service.entrypoint }),
    ...(service.command === undefined ? {} : { Cmd: service.command }),
    ...(service.user === undefined ? {} : { User: service.user }),
    ...(service.hostname === undefined ? {} : { Hostname: service.hostname }),
    Env: Object.entries(environment).map(([variable, value]) => `${variable}=${value}`),
    Labels: {
      ...labels,
      'com.docker.compose.project': model.name,
      'com.docker.compose.project.working_dir': folder,
      'com.docker.compose.service': name,
      'com.docker.compose.container-number': String(number),
      'com.docker.compose.oneoff': 'False',
      'com.docker.compose.config-hash': model.hashes[name] ?? '',
    },
    ...(healthcheck === undefined
      ? {}
      : {
          Healthcheck: {
            Test: healthcheck.test,
            Interval: nanoseconds(healthcheck.interval),
            Timeout: nanoseconds(healthcheck.timeout),
            Retries: healthcheck.retries,
            StartPeriod: nanoseconds(healthcheck.start_period),
            ...(healthcheck.start_interval === undefined
              ? {}
              : { StartInterval: nanoseconds(healthcheck.start_interval) }),
          },
        }),
    ...(service.stop_grace_period === undefined
      ? {}
      : { StopTimeout: Math.ceil(nanoseconds(service.stop_grace_period) / 1e9) }),
    ...(service.stop_signal === undefined ? {} : { StopSignal: service.stop_signal }),
    ExposedPorts: Object.fromEntries(ports.map(({ inside }) => [`${inside}/tcp`, {}])),
    HostConfig: hostConfig(service, { model, folder }, `${model.name}_${network}`),
    NetworkingConfig: {
      EndpointsConfig: { [`${model.name}_${network}`]: { Aliases: [name, ...aliases] } },
    },
  }
}

export function containerName({ name: project }: AloneModel, service: string, number: number): string {
  return `${project}-${service}-${number}`
}

function hostConfig(service: AloneService, placed: Placed, network: string): HostConfig {
  const { limits, reservations } = service.deploy?.resources ?? {}
  const [policy = 'no', most] = service.restart.split(':')
  const ports = (service.ports ?? []).map(portOf)
  return {
    NetworkMode: network,
    RestartPolicy: { Name: policy, ...(most === undefined ? {} : { MaximumRetryCount: Number(most) }) },
    ...(service.read_only === true ? { ReadonlyRootfs: true } : {}),
    ...(service.init === true ? { Init: true } : {}),
    CapDrop: service.cap_drop ?? [],
    CapAdd: service.cap_add ?? [],
    SecurityOpt: service.security_opt ?? [],
    ...(service.logging === undefined
      ? {}
      : { LogConfig: { Type: service.logging.driver, Config: service.logging.options } }),
    ...(limits?.memory === undefined ? {} : { Memory: bytesOf(limits.memory) }),
    ...(limits?.cpus === undefined ? {} : { NanoCpus: Math.round(Number(limits.cpus) * 1e9) }),
    ...(reservations?.memory === undefined ? {} : { MemoryReservation: bytesOf(reservations.memory) }),
    ...(service.shm_size === undefined ? {} : { ShmSize: bytesOf(String(service.shm_size)) }),
    PortBindings: Object.fromEntries(
      ports.map(({ inside, host, outside }) => [`${inside}/tcp`, [{ HostIp: host, HostPort: outside }]]),
    ),
    Devices: (service.devices ?? []).map((device) => {
      const [outside = '', inside = outside, permissions = 'rwm'] = device.split(':')
      return { PathOnHost: outside, PathInContainer: inside, CgroupPermissions: permissions }
    }),
    DeviceRequests: (reservations?.devices ?? []).map(({ driver, count, device_ids: ids, capabilities }) => ({
      Driver: driver,
      Capabilities: [capabilities],
      ...(ids === undefined
        ? { Count: count === 'all' || count === undefined ? -1 : count }
        : { DeviceIDs: ids }),
    })),
    Mounts: mountsOf(service, placed),
  }
}

function mountsOf(service: AloneService, { model, folder }: Placed): NonNullable<HostConfig['Mounts']> {
  const bind = (source: string, target: string) =>
    ({ Type: 'bind', Source: resolve(folder, source), Target: target, ReadOnly: true }) as const
  const fileOf = (from: Readonly<Record<string, { readonly file: string }>>, name: string): string => {
    const found = from[name]
    if (found === undefined) throw new Error(`nothing says where ${name} is`)
    return found.file
  }
  return [
    ...(service.volumes ?? []).map((volume) => {
      const { type, source = '', target } = volume
      if (type === 'bind') return bind(source, target)
      if (type === 'volume') {
        return { Type: 'volume', Source: `${model.name}_${source}`, Target: target } as const
      }
      const size = volume.tmpfs?.size
      return {
        Type: 'tmpfs',
        Source: '',
        Target: target,
        ...(size === undefined ? {} : { TmpfsOptions: { SizeBytes: size, Mode: 0o1777 } }),
      } as const
    }),
    ...(service.configs ?? []).map(({ source, target }) => bind(fileOf(model.configs, source), target)),
    ...(service.secrets ?? []).map((name) => bind(fileOf(model.secrets, name), `/run/secrets/${name}`)),
  ]
}

/** `127.0.0.1:8081:8081`, `8080:8080`: address and port on the host, port in the container. */
function portOf(text: string): { host: string; outside: string; inside: string } {
  const parts = text.split(':')
  const inside = parts.at(-1) ?? ''
  return { inside, outside: parts.at(-2) ?? '', host: parts.slice(0, -2).join(':') }
}

const units: Readonly<Record<string, number>> = { '': 1, b: 1, k: 2 ** 10, m: 2 ** 20, g: 2 ** 30 }

function bytesOf(text: string): number {
  const [, number = '', unit = ''] = /^(\d+)([bkmg]?)$/.exec(text) ?? []
  if (number === '') throw new Error(`${text} is no size`)
  return Number(number) * (units[unit] ?? 1)
}

const durations: Readonly<Record<string, number>> = { ms: 1e6, s: 1e9, m: 60e9, h: 3600e9 }

/** `1m30s`, `500ms`. */
export function nanoseconds(text: string): number {
  const parts = [...text.matchAll(/(\d+)(ms|s|m|h)/g)]
  if (parts.map(([part]) => part).join('') !== text) throw new Error(`${text} is no duration`)
  return parts.reduce((sum, [, number = '0', unit = 's']) => sum + Number(number) * (durations[unit] ?? 0), 0)
}
