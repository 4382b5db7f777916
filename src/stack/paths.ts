import { ExitCode, UserError } from '../errors.ts'
import type { Path } from './problems.ts'

/**
 * `tiers.embed.replicas` → its keys. The keys of `slo.<stage>` and of `headersEnv` have dots of their own
 * (`slo.pipeline.ttft.p99`). Throws a UserError (exit 2) for an empty one.
 */
export function splitPath(path: string): Path {
  const keys = path.split('.')
  if (keys.includes('')) {
    throw new UserError(`${JSON.stringify(path)} names no key: write it like tiers.embed.replicas`, {
      exitCode: ExitCode.usage,
      code: 'usage',
    })
  }
  const whole = keys[0] === 'slo' ? 2 : keys[0] === 'endpoints' && keys[2] === 'headersEnv' ? 3 : keys.length
  return keys.length <= whole + 1 ? keys : [...keys.slice(0, whole), keys.slice(whole).join('.')]
}

/** Undefined where there is nothing. */
export function getIn(value: unknown, path: Path): unknown {
  let found = value
  for (const key of path) {
    if (typeof found !== 'object' || found === null || !Object.hasOwn(found, key)) return undefined
    found = (found as Record<string, unknown>)[key]
  }
  return found
}

/** A copy with `inner` at the path, maps made where there are none; without the key when `inner` is undefined. */
export function setIn(value: unknown, path: Path, inner: unknown): unknown {
  const [key, ...rest] = path
  if (key === undefined) return inner
  const map = typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {}
  const changed = setIn(map[key], rest, inner)
  if (changed !== undefined) return { ...map, [key]: changed }
  const { [key]: _removed, ...others } = map
  return others
}
