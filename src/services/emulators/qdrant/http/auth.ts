import { createHash, timingSafeEqual } from 'node:crypto'
import type { IncomingHttpHeaders } from 'node:http'
import type { QdrantConfig } from '../config.ts'
import { forbidden } from '../errors.ts'
import { plain, type Answer } from './answer.ts'
import type { Access } from './router.ts'

/** Checks the key of a request; returns an answer that refuses it, or throws one, or returns null. */
export type CheckKey = (headers: IncomingHttpHeaders, access: Access) => Answer | null

/** Reads the keys from the environment once; throws when a variable that is named is not set. */
export function keyCheck(config: QdrantConfig, env: Readonly<Record<string, string | undefined>>): CheckKey {
  const full = keyOf(config.apiKeyEnv, env)
  const readOnly = keyOf(config.readOnlyApiKeyEnv, env)
  if (full === null && readOnly === null) return () => null
  return (headers, access) => {
    if (access === 'none') return null
    const bearer = headers.authorization?.startsWith('Bearer ') ? headers.authorization.slice(7) : undefined
    const given = headers['api-key'] ?? bearer
    if (typeof given !== 'string')
      return plain('Must provide an API key or an Authorization bearer token', 401)
    if (full !== null && same(given, full)) return null
    if (readOnly === null || !same(given, readOnly)) return plain('Invalid API key or JWT', 401)
    if (access === 'read') return null
    throw forbidden('Global manage access is required')
  }
}

function keyOf(name: string | undefined, env: Readonly<Record<string, string | undefined>>): string | null {
  if (name === undefined) return null
  const key = env[name]
  if (key === undefined || key === '')
    throw new Error(`the environment variable ${name}, which holds an API key, is not set`)
  return key
}

/** Takes as long whatever the difference is. */
export function same(a: string, b: string): boolean {
  const digest = (text: string) => createHash('sha256').update(text).digest()
  return timingSafeEqual(digest(a), digest(b))
}
