/** A connection to a Docker engine, and what to say when there is none. */
import { Agent as HttpsAgent } from 'node:https'
import type Docker from 'dockerode'
import { ExitCode, UserError, messageOf } from '../../errors.ts'
import { type EnginePlace, type Env, enginePlace } from './context.ts'

export interface Engine {
  readonly docker: Docker
  readonly place: EnginePlace
  /** The engine’s own version, `29.1.0`, and the API that is spoken, `1.52`. */
  readonly version: string
  readonly api: string
  /** Where ports are found that it publishes: `127.0.0.1`, or the host of a remote engine. */
  readonly host: string
}

/** No engine answers, or one does so no longer. */
export class EngineAway extends UserError {}

/** The newest API that this was written for; an engine that knows more speaks this one. */
const newestApi = '1.52'
/** Health checks, `init` and memory limits as they are rendered. */
const oldestApi = '1.40'

const pingMs = 10_000

/**
 * Asks the engine which API it speaks and speaks that: no version is pinned.
 * @throws UserError (exit 3) where none answers, saying what to do
 */
export async function openEngine(env: Env): Promise<Engine> {
  const place = await enginePlace(env)
  const options = connectionOf(place)
  const { default: Dockerode } = await import('dockerode')
  const asking = new Dockerode({ ...options, timeout: pingMs })
  const version = await asking.version().catch((error: unknown) => {
    throw unreachable(place, error)
  })
  const api = olderOf(version.ApiVersion, newestApi)
  if (olderOf(api, oldestApi) !== oldestApi) {
    throw new UserError(`the Docker engine ${version.Version} is too old: it speaks API ${api}`, {
      hint: `Docker 19.03 (API ${oldestApi}) or newer is needed: https://docs.docker.com/engine/install/`,
      exitCode: ExitCode.missing,
      code: 'docker',
    })
  }
  return {
    docker: new Dockerode({ ...options, version: `v${api}` }),
    place,
    version: version.Version,
    api,
    host: options.host ?? '127.0.0.1',
  }
}

/** Milliseconds since 1970 by the engine's own clock: that of a virtual machine may be minutes behind after a sleep. */
export async function engineNowMs({ docker }: Pick<Engine, 'docker'>): Promise<number> {
  const { SystemTime: now } = (await docker.info()) as { SystemTime: string }
  return Date.parse(now)
}

interface Connection {
  readonly socketPath?: string
  readonly host?: string
  readonly port?: number
  readonly protocol?: 'http' | 'https'
  readonly ca?: string
  readonly cert?: string
  readonly key?: string
  /** Of an engine whose certificate is not checked. */
  readonly agent?: HttpsAgent
}

export function connectionOf(place: EnginePlace): Connection {
  const { host, tls } = place
  if (host.startsWith('unix://')) return { socketPath: host.slice('unix://'.length) }
  if (host.startsWith('npipe://')) return { socketPath: host.slice('npipe://'.length).replaceAll('/', '\\') }
  const url = URL.canParse(host) ? new URL(host) : null
  if (url !== null && (url.protocol === 'tcp:' || url.protocol === 'http:' || url.protocol === 'https:')) {
    const secure = tls !== null || url.protocol === 'https:'
    const port = url.port === '' ? (secure ? 2376 : 2375) : Number(url.port)
    const { verify, ...pems } = tls ?? { verify: true }
    const unchecked = secure && !verify ? { agent: new HttpsAgent({ rejectUnauthorized: false }) } : {}
    return { host: url.hostname, port, protocol: secure ? 'https' : 'http', ...pems, ...unchecked }
  }
  throw new UserError(`${place.from} names an engine that ragscale cannot speak to: ${host}`, {
    hint: host.startsWith('ssh://')
      ? `Forward its socket and name that: ssh -nNT -L /tmp/docker.sock:/var/run/docker.sock ${host.slice('ssh://'.length)}, then DOCKER_HOST=unix:///tmp/docker.sock`
      : 'unix:///path/of/docker.sock or tcp://host:port',
    exitCode: ExitCode.missing,
    code: 'docker',
  })
}

/** Of two API versions, compared number by number. */
export function olderOf(a: string, b: string): string {
  const [left, right] = [a, b].map((version) => version.split('.').map(Number))
  for (const [index, number] of (left ?? []).entries()) {
    const other = right?.[index] ?? 0
    if (number !== other) return number < other ? a : b
  }
  return a
}

/** What keeps an engine from answering, and its cure. */
function unreachable(place: EnginePlace, error: unknown): UserError {
  const code = codeOf(error)
  const where = `${place.host} (${place.from})`
  const { message, hint } = explained(code, where, place)
  return new (isGone(error) ? EngineAway : UserError)(
    message ?? `no Docker engine answers at ${where}: ${messageOf(error)}`,
    {
      hint,
      exitCode: ExitCode.missing,
      code: 'docker',
      cause: error,
    },
  )
}

function explained(code: string, where: string, { from }: EnginePlace): { message?: string; hint: string } {
  const start =
    from === 'the usual socket'
      ? 'Start it: sudo systemctl start docker, or Docker Desktop. Elsewhere: DOCKER_HOST or docker context use.'
      : `Start it, or change ${from}.`
  if (code === 'EACCES' || code === 'EPERM') {
    return {
      message: `you may not speak to the Docker engine at ${where}`,
      hint: 'sudo usermod --append --groups docker $USER, then log in again; or run a rootless engine.',
    }
  }
  if (code === 'ENOENT')
    return { message: `no Docker engine runs at ${where}: there is no such socket`, hint: start }
  if (code === 'ECONNREFUSED') return { message: `no Docker engine listens at ${where}`, hint: start }
  return { hint: start }
}

/** What the engine itself says in an error, without dockerode's own words before it. */
export function engineSays(error: unknown): string {
  return messageOf(error)
    .replace(/^\(HTTP code \d+\) [^-]* - /, '')
    .trim()
}

/** An engine that answered before and does so no longer. */
export function isGone(error: unknown): boolean {
  return ['ECONNREFUSED', 'ECONNRESET', 'ENOENT', 'EPIPE', 'ENOTFOUND', 'ETIMEDOUT'].includes(codeOf(error))
}

export function engineGone(error: unknown): EngineAway {
  return new EngineAway('the Docker engine stopped answering', {
    hint: 'Start it again (sudo systemctl start docker); then the same command goes on from there.',
    exitCode: ExitCode.unhealthy,
    code: 'docker',
    cause: error,
  })
}

function codeOf(error: unknown): string {
  const code: unknown =
    typeof error === 'object' && error !== null && 'code' in error ? error.code : undefined
  return typeof code === 'string' ? code : ''
}
