/** Which keys mean something with which component. */
import { defaultProvider } from '../schema/provider.ts'
import type { StackShape } from '../schema.ts'
import { type Rule, type RuleFinding, error, warning } from './rule.ts'

const providerOnly = ['url', 'apiKeyEnv', 'requestsPerMinute', 'tokensPerMinute', 'prices'] as const
/** What is somebody else's where a provider fills the tier. */
const ownOnly = ['gpu', 'image', 'resources', 'autoscale', 'maxSequences'] as const
const counted = ['replicas', 'tensorParallel'] as const

export const keysBelongToTheComponent: Rule = ({ tiers }) =>
  (['embed', 'generate'] as const).flatMap((name) => {
    const tier = tiers[name]
    if (tier === undefined) return []
    const at = `tiers.${name}`
    const nothing = (key: string, hint?: string) =>
      error([`${at}.${key}`, `${at}.component`], `means nothing with component ${tier.component}`, hint)
    if (tier.component !== 'openai') {
      return providerOnly.filter((key) => tier[key] !== undefined).map((key) => nothing(key))
    }
    const hint = 'the provider runs it; its limits are requestsPerMinute and tokensPerMinute'
    const written = (key: string) => valueAt(tier, key) !== undefined
    return [
      ...ownOnly.filter(written).map((key) => nothing(key, hint)),
      ...counted.filter((key) => (valueAt(tier, key) ?? 1) !== 1).map((key) => nothing(key, hint)),
      ...providerFindings(name, tier),
    ]
  })

function valueAt(tier: object, key: string): unknown {
  return Object.entries(tier).find(([name]) => name === key)?.[1]
}

function providerFindings(
  name: 'embed' | 'generate',
  tier: NonNullable<StackShape['tiers']['embed' | 'generate']>,
): RuleFinding[] {
  const at = `tiers.${name}`
  const found: RuleFinding[] = []
  const own = tier.url !== undefined && tier.url.replace(/\/+$/, '') !== defaultProvider.url
  if (own && tier.apiKeyEnv === undefined) {
    const message = `missing: ${defaultProvider.apiKeyEnv} is sent to ${defaultProvider.url} only`
    found.push(
      error([`${at}.apiKeyEnv`, `${at}.url`], message, 'the environment variable of this provider’s key'),
    )
  }
  if (tier.url !== undefined && /[?#]/.test(tier.url)) {
    found.push(error([`${at}.url`], 'has a ? or # in it, and the path of each request is put behind it'))
  }
  if (tier.url !== undefined && /\/v1\/*$/.test(tier.url)) {
    const hint = tier.url.replace(/\/v1\/*$/, '')
    found.push(error([`${at}.url`], 'ends in /v1, which is put behind it', hint))
  }
  if (tier.requestsPerMinute === undefined && tier.tokensPerMinute === undefined) {
    const message = 'without requestsPerMinute or tokensPerMinute nothing is known of what it can do'
    found.push(warning([at], message, 'the limits that the provider shows for the account'))
  }
  return found
}
