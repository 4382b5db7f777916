/** What rollouts ask of every target that runs containers behind a balancer of ours. */
import { componentNamed } from '../catalog/catalog.ts'
import type { Stack } from '../stack/stack.ts'

/** Whose word a plan is while a rollout is under way. */
export const byRollout = 'ragscale rollout'

/** Why the stack's balancer cannot shift shares while it runs, in a sentence, and what to do; null: it can. */
export function reloadRefusal({ balancer }: Stack): string | null {
  const component = componentNamed(balancer.component)
  if (component?.reload !== undefined) return null
  return `${component?.title ?? balancer.component} takes up no other configuration while it runs, so shares cannot be shifted: set balancer.component to nginx or haproxy, then ragscale up`
}
