import { createHash, timingSafeEqual } from 'node:crypto'
import type { IncomingHttpHeaders } from 'node:http'
import { requiredSecret } from '../../../secrets.ts'
import type { Environment } from '../../../secrets.ts'
import type { QdrantConfig } from '../config.ts'
import { forbidden } from '../errors.ts'
import { plain, type Answer } from './answer.ts'
import type { Access } from './router.ts'

/** Checks the key of a request; returns an answer that refuses it, or throws one, or returns null. */
export type CheckKey = (headers: IncomingHttpHeaders, access: Access) => Answer | null

/** Reads the keys from the environment once; throws when one that is named is not to be had. */
export function keyCheck(config: QdrantConfig, env: Environment): CheckKey {
  const full = requiredSecret(config.apiKeyEnv, env)
  const readOnly = requiredSecret(config.readOnlyApiKeyEnv, env)
  if (full === undefined && readOnly === undefined) return () => null
  return (headers, access) => {
    if (access === 'none') return null
    const bearer = headers.authorization?.startsWith('Bearer ') ? headers.authorization.slice(7) : undefined
    const given = headers['api-key'] ?? bearer
    if (typeof given !== 'string')
      return plain('Must provide an API key or an Authorization bearer token', 401)
    if (full !== undefined && same(given, full)) return null
    if (readOnly === undefined || !same(given, readOnly)) return plain('Invalid API key or JWT', 401)
    if (access === 'read') return null
    throw forbidden('Global manage access is required')
  }
}

/** Takes as long whatever the difference is. */
export function same(a: string, b: string): boolean {
  const digest = (text: string) => createHash('sha256').update(text).digest()
  return timingSafeEqual(digest(a), digest(b))
}
