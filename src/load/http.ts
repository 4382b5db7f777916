/** Calls made before a test, outside of its clock: is the target there, embed the queries, find the truth. */
import { readFile } from 'node:fs/promises'
import { Agent, EnvHttpProxyAgent, request } from 'undici'
import type { Dispatcher } from 'undici'
import { ExitCode, UserError, messageOf } from '../errors.ts'
import { isLoopback } from './endpoints.ts'
import type { LoadTarget } from './plan.ts'

type Env = Readonly<Record<string, string | undefined>>

export interface Answer {
  readonly status: number
  /** What was answered; a secret that the server repeats is masked, for this may be shown. */
  readonly text: string
  /** Where a redirect points: it is not followed. */
  readonly location: string | null
  /** Milliseconds that the server asks to be left alone (`Retry-After`), or null. */
  readonly retryAfterMs: number | null
}

export interface Caller {
  /** `body`: a value to send as JSON, or JSON as text. */
  call(
    path: string,
    options?: { method?: Dispatcher.HttpMethod; body?: unknown; timeoutMs?: number },
  ): Promise<Answer>
  readonly url: string
  close(): Promise<void>
}

/**
 * @throws UserError (exit 2) when a variable that should hold a secret is not set, or a TLS file cannot be read;
 * `call` rejects with the network's own error.
 */
export async function callerOf(target: LoadTarget, env: Env, signal?: AbortSignal): Promise<Caller> {
  const headers = headersOf(target, env)
  const secrets = secretsOf(target, env)
  const dispatcher = await dispatcherOf(target, env)
  const base = (target.urls[0] ?? '').replace(/\/+$/, '')
  return {
    url: base,
    call: async (path, { method, body, timeoutMs = 10_000 } = {}) => {
      const timeout = AbortSignal.timeout(timeoutMs)
      // Not `fetch`, which calls no port that a browser would not. Redirects are not followed: k6 follows none
      // either, and a key is meant for this host alone.
      const response = await request(base + path, {
        method: method ?? (body === undefined ? 'GET' : 'POST'),
        headers,
        ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
        signal: signal === undefined ? timeout : AbortSignal.any([timeout, signal]),
        dispatcher,
      })
      const seconds = Number(response.headers['retry-after'] ?? Number.NaN)
      const { location } = response.headers
      return {
        status: response.statusCode,
        text: withoutSecrets(await response.body.text(), secrets),
        location: typeof location === 'string' ? location : null,
        retryAfterMs: Number.isFinite(seconds) ? seconds * 1000 : null,
      }
    },
    close: async () => await dispatcher.close(),
  }
}

/**
 * Connections to a target, with its certificate authority and client certificate, and by the proxy that the
 * environment names: by the same rules as k6's, or the one would reach what the other does not.
 * @throws UserError (exit 2) when one of its files cannot be read
 */
export async function dispatcherOf(target: LoadTarget, env: Env): Promise<Dispatcher> {
  const tls = await tlsOf(target)
  const url = target.urls[0] ?? ''
  const proxy = proxyOf(url, env)
  if (proxy === undefined || proxy === '' || isLoopback(url)) return new Agent({ connect: tls })
  return new EnvHttpProxyAgent({
    httpProxy: proxy,
    httpsProxy: proxy,
    noProxy: env['NO_PROXY'] ?? env['no_proxy'] ?? '',
    connect: tls,
    requestTls: tls,
  })
}

function proxyOf(url: string, env: Env): string | undefined {
  return url.startsWith('https:')
    ? (env['HTTPS_PROXY'] ?? env['https_proxy'])
    : (env['HTTP_PROXY'] ?? env['http_proxy'])
}

/** Throws where k6 would fail later, and less clearly. */
export function headersOf(target: LoadTarget, env: Env): Record<string, string> {
  const headers: Record<string, string> = { 'content-type': 'application/json' }
  if (target.apiKeyEnv !== undefined) {
    const key = secret(target.apiKeyEnv, env)
    if (target.protocol === 'qdrant') headers['api-key'] = key
    else headers['authorization'] = `Bearer ${key}`
  }
  for (const [name, variable] of Object.entries(target.headersEnv ?? {}))
    headers[name.toLowerCase()] = secret(variable, env)
  return headers
}

/** Values of the variables that a target names, longest first: one may hold another. */
export function secretsOf({ apiKeyEnv, headersEnv = {} }: LoadTarget, env: Env): string[] {
  const names = [...(apiKeyEnv === undefined ? [] : [apiKeyEnv]), ...Object.values(headersEnv)]
  return names
    .flatMap((name) => env[name] ?? [])
    .filter((value) => value !== '')
    .toSorted((a, b) => b.length - a.length)
}

export function withoutSecrets(text: string, secrets: readonly string[]): string {
  return secrets.reduce((masked, value) => masked.replaceAll(value, '***'), text)
}

function secret(name: string, env: Env): string {
  const value = env[name]
  if (value !== undefined && value !== '') return value
  throw new UserError(`the environment variable ${name} is not set, and the endpoint needs it`, {
    hint: `export ${name}=…`,
    exitCode: ExitCode.usage,
    code: 'config',
  })
}

async function tlsOf({
  caFile,
  certFile,
  keyFile,
}: LoadTarget): Promise<{ ca?: Buffer; cert?: Buffer; key?: Buffer }> {
  return {
    ...(caFile === undefined ? {} : { ca: await tlsFile(caFile) }),
    ...(certFile === undefined ? {} : { cert: await tlsFile(certFile) }),
    ...(keyFile === undefined ? {} : { key: await tlsFile(keyFile) }),
  }
}

async function tlsFile(file: string): Promise<Buffer> {
  try {
    return await readFile(file)
  } catch (error) {
    throw new UserError(`could not read ${file}: ${messageOf(error)}`, {
      exitCode: ExitCode.usage,
      code: 'config',
      cause: error,
    })
  }
}

const distrust: ReadonlySet<string> = new Set([
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
])

/** What went wrong on the network, in words: `fetch failed` says nothing, its cause does. */
export function networkMessage(error: unknown): string {
  if (error instanceof Error && error.name === 'TimeoutError') return 'no answer in time'
  const cause = error instanceof Error && error.cause !== undefined ? error.cause : error
  if (cause instanceof AggregateError && cause.errors.length > 0) return networkMessage(cause.errors[0])
  const code = cause instanceof Error && 'code' in cause ? String(cause.code) : ''
  if (distrust.has(code))
    return `its certificate is signed by nobody that this machine trusts (${messageOf(cause)}): name the authority with caFile`
  const known: Record<string, string> = {
    ECONNREFUSED: 'the connection was refused: nothing listens there',
    ENOTFOUND: 'there is no host of that name',
    EAI_AGAIN: 'the name could not be resolved',
    ECONNRESET: 'the connection was reset',
    UND_ERR_CONNECT_TIMEOUT: 'no connection within 10 s',
    UND_ERR_SOCKET: 'the connection was closed before an answer',
    EHOSTUNREACH: 'the host cannot be reached',
    ENETUNREACH: 'the network cannot be reached',
  }
  return known[code] ?? messageOf(cause)
}
