/** What a user says in the values that win over the chart's. */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parse } from 'yaml'
import type { Stack } from '../../stack/stack.ts'
import { overridesName } from './wanted.ts'

interface Overrides {
  readonly secrets?: { readonly existingSecret?: unknown; readonly create?: unknown }
  readonly routing?: { readonly provider?: unknown }
  readonly tiers?: { readonly balancer?: { readonly enabled?: unknown } }
}

/** Empty where there are none. Throws the parser's error for what is no YAML. */
export function readOverrides({ folder }: Pick<Stack, 'folder'>): Overrides {
  const file = join(folder, 'deploy', 'helm', overridesName)
  if (!existsSync(file)) return {}
  return (parse(readFileSync(file, 'utf8')) as Overrides | null) ?? {}
}

/** By what requests come in: `none` as the chart has it. */
export function routingProvider(stack: Pick<Stack, 'folder'>): string {
  const { provider } = readOverrides(stack).routing ?? {}
  return typeof provider === 'string' ? provider : 'none'
}

/** Whether the release's balancer runs. */
export function isBalanced(stack: Pick<Stack, 'folder'>): boolean {
  return readOverrides(stack).tiers?.balancer?.enabled !== false
}
