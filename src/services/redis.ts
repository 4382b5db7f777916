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
