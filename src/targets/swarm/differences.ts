/** What differs between a service as it is wanted and as it was found, in words. Pure. */
import type { FoundService } from './found.ts'
import { configurationLabel, type WantedService } from './model.ts'

/** Empty where nothing does, but for how many of it. */
export function differences(wanted: WantedService, found: FoundService): string[] {
  const named = [
    ...(wanted.mode === found.mode ? [] : [`it is ${wanted.mode} in place of ${found.mode}`]),
    ...(wanted.image === found.image ? [] : [`image ${found.image} → ${wanted.image}`]),
    ...(sameNames(wanted.configs, found.configs) ? [] : [`its configuration (${listed(wanted, found)})`]),
    ...(sameNames(wanted.secrets, found.secrets) ? [] : ['its secrets']),
  ]
  if (named.length > 0) return named
  const deployed = found.labels[configurationLabel]
  if (deployed === wanted.fingerprint) return []
  return [deployed === undefined ? 'it was not deployed by ragscale up' : 'its definition']
}

function sameNames(some: readonly string[], others: readonly string[]): boolean {
  return some.length === others.length && some.every((name) => others.includes(name))
}

/** The files whose text changed, without the stack's name and the fingerprint around them. */
function listed({ configs }: WantedService, { configs: before }: FoundService): string {
  const fresh = configs.filter((name) => !before.includes(name))
  const short = (name: string): string => name.replace(/^[^_]*_/, '').replace(/-[0-9a-f]{16}$/, '')
  return fresh.length === 0 ? 'a file less' : fresh.map(short).join(', ')
}
