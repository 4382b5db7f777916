/** Whether what a tier declares fits in the memory of its GPUs. */
import type { ReplicaTier } from '../stack/stack.ts'
import { componentNamed } from './catalog.ts'
import type { Room } from './component.ts'

/** Null where it cannot be known: no GPU, or a model or GPU that the catalogue does not have. */
export function roomOf(tier: ReplicaTier): Room | null {
  return componentNamed(tier.component)?.room?.(tier) ?? null
}
