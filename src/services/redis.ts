/** Where Redis is, by the environment: `REDIS_URL`, and `REDIS_PASSWORD` where the URL holds none. */
import { optionalSecret } from './secrets.ts'
import type { Environment } from './secrets.ts'

export interface RedisNames {
  /** Of the variable that holds the URL. */
  readonly urlEnv: string
  readonly passwordEnv: string
}

/**
 * The URL with its password, or `undefined` where none is set. Both may come from files (services/secrets.ts).
 * @throws Error that names the variable when the URL is none
 */
export function redisUrl({ urlEnv, passwordEnv }: RedisNames, env: Environment): string | undefined {
  const given = optionalSecret(urlEnv, env)
  if (given === undefined) return undefined
  if (!URL.canParse(given) || !/^rediss?:$/.test(new URL(given).protocol))
    throw new Error(`${urlEnv} is no URL such as redis://cache:6379`)
  const url = new URL(given)
  if (url.password !== '') return given
  const password = optionalSecret(passwordEnv, env)
  // Encoded here: the setter of URL leaves characters as they are that the client then decodes.
  if (password !== undefined) url.password = encodeURIComponent(password)
  return url.href
}

/** A client that connects in the background, and again whenever it has to. */
export type RedisConnection = Awaited<ReturnType<typeof connectRedis>>

/**
 * What is asked while the connection is down fails at once: a cache must not hold queries up, and whoever queues a
 * document is told that it was not taken. The client is imported here, where a Redis is named at all.
 */
export async function connectRedis(url: string, onError: (error: unknown) => void) {
  const { createClient } = await import('redis')
  const client = createClient({
    url,
    disableOfflineQueue: true,
    socket: {
      connectTimeout: 2_000,
      reconnectStrategy: (tries: number) => Math.min(100 * 2 ** tries, 5_000),
    },
  })
  client.on('error', onError)
  // Not awaited: a service starts, and serves, while Redis is away.
  void client.connect().catch(onError)
  return client
}
