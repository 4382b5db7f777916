/** Containers of one stack as the engine tells of them, as plain data. */
import type { ContainerInspectInfo } from 'dockerode'
import type { Engine } from './engine.ts'

export const stackLabel = 'com.ragscale.stack'
export const tierLabel = 'com.ragscale.tier'
export const workloadLabel = 'com.ragscale.workload'
export const replicaLabel = 'com.ragscale.replica'

/** An engine's own words; those of the check may follow. */
const tookTooLong = /^Health check exceeded timeout/

export interface FoundContainer {
  readonly id: string
  /** Of the engine, without the slash. */
  readonly name: string
  readonly labels: Readonly<Record<string, string>>
  /** As it was asked for, and the id of what it runs. */
  readonly image: string
  readonly imageId: string
  readonly status: 'created' | 'running' | 'paused' | 'restarting' | 'removing' | 'exited' | 'dead'
  /** Null: it has no health check. */
  readonly health: 'starting' | 'healthy' | 'unhealthy' | null
  /** What the last failed health check wrote. */
  readonly healthSays: string | null
  /** That it did not answer in the time that it has. */
  readonly checkLate: boolean
  readonly exitCode: number
  readonly oomKilled: boolean
  /** Why the engine could not start it. */
  readonly error: string
  readonly pid: number | null
  /** Milliseconds since 1970; null: never. */
  readonly startedAt: number | null
  readonly finishedAt: number | null
  readonly restarts: number
  /** Of the restart policy; null: without an end. */
  readonly mostRestarts: number | null
  readonly memoryLimitBytes: number | null
  /** Port in the container → addresses on the host. */
  readonly ports: Readonly<Record<number, readonly { readonly host: string; readonly port: number }[]>>
  /** By network: its address there. */
  readonly addresses: Readonly<Record<string, string>>
  readonly mounts: readonly { readonly source: string; readonly at: string }[]
}

/** By their names. A container that goes away while it is looked at is left out. */
export async function containersWith(engine: Engine, labels: readonly string[]): Promise<FoundContainer[]> {
  const listed = await engine.docker.listContainers({ all: true, filters: { label: [...labels] } })
  const found = await Promise.all(listed.map(async ({ Id }) => await containerWith(engine, Id)))
  return found
    .filter((container) => container !== null)
    .sort((a, b) => a.name.localeCompare(b.name, 'en', { numeric: true }))
}

/** By its id; null: there is none. */
export async function containerWith(engine: Engine, id: string): Promise<FoundContainer | null> {
  try {
    return containerOf(await engine.docker.getContainer(id).inspect())
  } catch (error) {
    if (statusOf(error) === 404) return null
    throw error
  }
}

/** The engine's HTTP status in an error of dockerode; null: it is of another kind. */
export function statusOf(error: unknown): number | null {
  const status: unknown =
    typeof error === 'object' && error !== null && 'statusCode' in error ? error.statusCode : null
  return typeof status === 'number' ? status : null
}

export function containerOf(info: ContainerInspectInfo): FoundContainer {
  const { State: state, HostConfig: host, NetworkSettings: network } = info
  const policy = host.RestartPolicy
  return {
    id: info.Id,
    name: info.Name.replace(/^\//, ''),
    labels: info.Config.Labels,
    image: info.Config.Image,
    imageId: info.Image,
    status: state.Status as FoundContainer['status'],
    health: healthOf(state.Health?.Status),
    healthSays: lastCheck(state.Health?.Log),
    checkLate: tookTooLong.test(failedCheck(state.Health?.Log)?.Output ?? ''),
    exitCode: state.ExitCode,
    oomKilled: state.OOMKilled,
    error: state.Error,
    pid: state.Pid === 0 ? null : state.Pid,
    startedAt: instantOf(state.StartedAt),
    finishedAt: instantOf(state.FinishedAt),
    restarts: info.RestartCount,
    mostRestarts:
      policy?.Name === 'on-failure' && (policy.MaximumRetryCount ?? 0) > 0
        ? (policy.MaximumRetryCount ?? null)
        : policy?.Name === 'no' || policy?.Name === ''
          ? 0
          : null,
    memoryLimitBytes: (host.Memory ?? 0) > 0 ? (host.Memory ?? null) : null,
    ports: portsOf(network.Ports),
    addresses: Object.fromEntries(
      Object.entries(network.Networks).flatMap(([name, { IPAddress }]) =>
        IPAddress === '' ? [] : [[name, IPAddress]],
      ),
    ),
    mounts: info.Mounts.map(({ Source, Destination }) => ({ source: Source, at: Destination })),
  }
}

function healthOf(status: string | undefined): FoundContainer['health'] {
  return status === 'starting' || status === 'healthy' || status === 'unhealthy' ? status : null
}

type Checks = readonly { readonly ExitCode: number; readonly Output: string }[] | null | undefined

function failedCheck(log: Checks) {
  return log?.findLast(({ ExitCode }) => ExitCode !== 0)
}

function lastCheck(log: Checks): string | null {
  const line = failedCheck(log)?.Output.trim().split('\n').at(-1)?.trim()
  return line === undefined || line === '' ? null : line
}

/** Docker's zero time is the year 1. */
function instantOf(text: string): number | null {
  const at = Date.parse(text)
  return Number.isNaN(at) || at <= 0 ? null : at
}

function portsOf(
  ports: Readonly<Record<string, readonly { HostIp: string; HostPort: string }[] | null>> | null,
): FoundContainer['ports'] {
  return Object.fromEntries(
    Object.entries(ports ?? {}).flatMap(([port, hosts]) =>
      port.endsWith('/tcp') && hosts !== null
        ? [
            [
              Number(port.slice(0, -'/tcp'.length)),
              hosts.map(({ HostIp, HostPort }) => ({ host: HostIp, port: Number(HostPort) })),
            ] as const,
          ]
        : [],
    ),
  )
}
