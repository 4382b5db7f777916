import { hostname } from 'node:os'
import { messageOf } from '../../errors.ts'
import { connectRedis, redisUrl } from '../redis.ts'
import type { Environment } from '../secrets.ts'
import type { QueueConfig } from './config.ts'
import { DocumentQueue } from './document-queue.ts'

/**
 * Connects in the background: a worker starts while Redis is away, and takes up its work when it comes.
 * @throws Error that names the variable when the environment says no Redis
 */
export async function openQueue(
  config: QueueConfig,
  replica: number,
  env: Environment,
  say: (line: string) => void,
): Promise<DocumentQueue> {
  const { redisUrlEnv, redisPasswordEnv } = config
  const url = redisUrl({ urlEnv: redisUrlEnv, passwordEnv: redisPasswordEnv }, env)
  if (url === undefined)
    throw new Error(`the queue is in Redis, and the environment variable ${redisUrlEnv} names none`)
  let said = ''
  const onError = (error: unknown): void => {
    const line = `queue: Redis: ${messageOf(error)}`
    // Once for every kind, not once for every attempt.
    if (line !== said) say(line)
    said = line
  }
  const [client, reader] = await Promise.all([connectRedis(url, onError), connectRedis(url, onError)])
  client.on('ready', () => (said = ''))
  return new DocumentQueue(client, reader, config, `${hostname()}-${replica}`)
}
