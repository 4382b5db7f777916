/** Which Docker engine is meant: `DOCKER_HOST`, else the context of the docker command, else its usual socket. */
import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { ExitCode, UserError, messageOf } from '../../errors.ts'

export type Env = Readonly<Record<string, string | undefined>>

export interface EnginePlace {
  /** `unix:///var/run/docker.sock`, `tcp://10.0.0.2:2376`. */
  readonly host: string
  /** Who says so, for messages: `DOCKER_HOST`, `the context laptop`, `the usual socket`. */
  readonly from: string
  /** PEM texts; null: no TLS. */
  readonly tls: {
    readonly ca?: string
    readonly cert?: string
    readonly key?: string
    /** False: the engine's certificate is not checked, as the context asks. */
    readonly verify: boolean
  } | null
}

const usualSocket = 'unix:///var/run/docker.sock'

/**
 * In the order of the docker command itself.
 * @throws UserError (exit 3) for a context that is not there, or files of it that cannot be read
 * @see https://docs.docker.com/engine/manage-resources/contexts/
 */
export async function enginePlace(env: Env): Promise<EnginePlace> {
  const host = env['DOCKER_HOST']
  if (host !== undefined && host !== '') {
    return { host, from: 'DOCKER_HOST', tls: await tlsOfEnvironment(env) }
  }
  const folder = env['DOCKER_CONFIG'] ?? join(env['HOME'] ?? homedir(), '.docker')
  const name = env['DOCKER_CONTEXT'] ?? (await currentContext(folder))
  if (name === undefined || name === '' || name === 'default') {
    return { host: usualSocket, from: 'the usual socket', tls: null }
  }
  return await contextNamed(name, folder)
}

async function tlsOfEnvironment(env: Env): Promise<EnginePlace['tls']> {
  const verify = (env['DOCKER_TLS_VERIFY'] ?? '') !== ''
  if (!verify && (env['DOCKER_TLS'] ?? '') === '') return null
  const folder = env['DOCKER_CERT_PATH'] ?? env['DOCKER_CONFIG'] ?? join(env['HOME'] ?? homedir(), '.docker')
  return { ...(await certificates(folder)), verify }
}

async function currentContext(folder: string): Promise<string | undefined> {
  const config = await readJson(join(folder, 'config.json'))
  const name = isRecord(config) ? config['currentContext'] : undefined
  return typeof name === 'string' ? name : undefined
}

async function contextNamed(name: string, folder: string): Promise<EnginePlace> {
  // The docker command keeps a context under the hash of its name.
  const id = createHash('sha256').update(name).digest('hex')
  const meta = await readJson(join(folder, 'contexts', 'meta', id, 'meta.json'))
  const endpoint = field(field(meta, 'Endpoints'), 'docker')
  const host = field(endpoint, 'Host')
  if (typeof host !== 'string') {
    throw new UserError(`there is no docker context ${name}`, {
      hint: 'docker context ls   shows those that there are; docker context use default   goes back',
      exitCode: ExitCode.missing,
      code: 'docker',
    })
  }
  const found = await certificates(join(folder, 'contexts', 'tls', id, 'docker'))
  const verify = field(endpoint, 'SkipTLSVerify') !== true
  const tls = Object.keys(found).length === 0 && verify ? null : { ...found, verify }
  return { host, from: `the context ${name}`, tls: host.startsWith('tcp') ? tls : null }
}

async function certificates(folder: string): Promise<{ ca?: string; cert?: string; key?: string }> {
  const [ca, cert, key] = await Promise.all(
    ['ca.pem', 'cert.pem', 'key.pem'].map(async (file) => await textOf(join(folder, file))),
  )
  return {
    ...(typeof ca === 'string' ? { ca } : {}),
    ...(typeof cert === 'string' ? { cert } : {}),
    ...(typeof key === 'string' ? { key } : {}),
  }
}

async function readJson(file: string): Promise<unknown> {
  const text = await textOf(file)
  if (text === null) return null
  try {
    return JSON.parse(text)
  } catch (error) {
    throw unreadable(file, error)
  }
}

async function textOf(file: string): Promise<string | null> {
  try {
    return await readFile(file, 'utf8')
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'ENOENT' || code === 'ENOTDIR') return null
    throw unreadable(file, error)
  }
}

function unreadable(file: string, error: unknown): UserError {
  return new UserError(`could not read ${file}: ${messageOf(error)}`, {
    hint: 'It is the docker command’s own: mend it, or say where the engine is with DOCKER_HOST.',
    exitCode: ExitCode.missing,
    code: 'docker',
    cause: error,
  })
}

function field(value: unknown, name: string): unknown {
  return isRecord(value) ? value[name] : undefined
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
