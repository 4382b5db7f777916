/** How gateway and worker are told of the tiers that they call. */
import type { ReplicaTier, Stack } from '../../stack/stack.ts'
import type { Addresses, SecretUse } from '../container.ts'
import { providerOf } from '../provided.ts'
import { secretNameOf, secretNames } from '../secrets.ts'

/** Of the vector database's key, in the environment of whoever calls it. */
export const vectorKeyEnv = 'QDRANT_API_KEY'

type Called = 'embed' | 'rerank' | 'generate'

/** Of a tier's servers behind the balancer, or of the provider that stands in their place. */
export function upstream(stack: Stack, tier: Called, addresses: Addresses) {
  const provider = providerOf(stack, tier)
  if (provider === undefined) return { url: addresses.url(tier) }
  return { url: provider.url, apiKeyEnv: provider.apiKeyEnv }
}

export function embedUpstream(stack: Stack, addresses: Addresses) {
  const { embed } = stack.tiers
  const openai = providerOf(stack, 'embed') !== undefined
  return {
    ...upstream(stack, 'embed', addresses),
    protocol: openai ? 'openai' : 'tei',
    // TEI serves the one model that it was started with; a provider has to be told which.
    ...(openai ? modelOf(embed) : {}),
  }
}

function modelOf(tier: ReplicaTier | undefined) {
  return tier?.model === undefined ? {} : { model: tier.model }
}

/** A rehearsed vector tier asks for no key. */
export function vectorUpstream(stack: Stack, addresses: Addresses) {
  return { url: addresses.url('vector'), ...(stack.rehearse ? {} : { apiKeyEnv: vectorKeyEnv }) }
}

/** The keys that a caller of these tiers has to have, once each. */
export function upstreamSecrets(stack: Stack, tiers: readonly (Called | 'vector')[]): SecretUse[] {
  const keys = new Map<string, string>()
  for (const tier of tiers) {
    if (tier === 'vector') {
      if (!stack.rehearse && stack.tiers.vector !== undefined) keys.set(vectorKeyEnv, secretNames.vectorKey)
      continue
    }
    const env = providerOf(stack, tier)?.apiKeyEnv
    if (env !== undefined) keys.set(env, secretNameOf(env))
  }
  return [...keys].map(([env, name]) => ({ name, fileEnv: `${env}_FILE` }))
}

/** Where a shared Redis is: its address in `REDIS_URL`, which holds no password, and the password by its file. */
export function redisAt(host: string) {
  return {
    env: { REDIS_URL: `redis://${host}` },
    secret: { name: secretNames.redisPassword, fileEnv: 'REDIS_PASSWORD_FILE' },
  }
}
