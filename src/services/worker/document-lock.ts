import { setTimeout as delay } from 'node:timers/promises'
import type { RedisConnection } from '../redis.ts'
import { freeScript, keepScript } from './queue-scripts.ts'

/** A right that one holder has at a time, and that lapses when its holder is not heard of any more. */
export interface Lock {
  readonly key: string
  readonly holder: string
  readonly lapsesMs: number
}

export interface ExclusiveOptions {
  readonly signal: AbortSignal
  /** Asked before each try and once the right is had. */
  readonly unless?: () => Promise<boolean>
}

/** Between two tries to have it. */
const pollMs = 200

/** Runs while the lock is held; null where `unless` came true first, and nothing was run. */
export async function exclusively<T>(
  client: RedisConnection,
  { key, holder, lapsesMs }: Lock,
  { signal, unless = () => Promise.resolve(false) }: ExclusiveOptions,
  run: () => Promise<T>,
): Promise<T | null> {
  const expiration = { type: 'PX', value: lapsesMs } as const
  for (;;) {
    if (await unless()) return null
    if ((await client.set(key, holder, { condition: 'NX', expiration })) !== null) break
    await delay(pollMs, undefined, { signal })
  }
  const keeping = setInterval(() => {
    // Where Redis is away for longer than that, the right is lost, as it must be.
    void client
      .eval(keepScript, { keys: [key], arguments: [holder, String(lapsesMs)] })
      .catch(() => undefined)
  }, lapsesMs / 3)
  try {
    return (await unless()) ? null : await run()
  } finally {
    clearInterval(keeping)
    await client.eval(freeScript, { keys: [key], arguments: [holder] }).catch(() => undefined)
  }
}
