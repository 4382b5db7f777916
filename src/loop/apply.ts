/** Counts into `ragscale.yaml`, comments kept, and into the stack that runs. */
import type { Counts, Recommendation } from '../capacity/types.ts'
import type { Runtime } from '../runtime.ts'
import { editStack } from '../stack/save.ts'
import type { Stack, Tier } from '../stack/stack.ts'

/** One value of the file that changes. */
export interface Edit {
  readonly path: string
  readonly from: number | null
  readonly to: number
}

/** What a recommendation changes in the file; empty when it says what the file says. Pure. */
export function editsOf(recommendation: Recommendation): Edit[] {
  return Object.entries(recommendation.tiers).flatMap(([tier, { now, then }]) =>
    keysOf(tier as Tier).flatMap(([key, path]) => {
      const [from, to] = [now[key] ?? null, then[key]]
      return to === undefined || to === from ? [] : [{ path: `tiers.${tier}.${path}`, from, to }]
    }),
  )
}

function keysOf(tier: Tier): [keyof Counts, string][] {
  if (tier !== 'vector') return [['replicas', 'replicas']]
  return [
    ['nodes', 'nodes'],
    ['shards', 'collection.shards'],
    ['replication', 'collection.replication'],
  ]
}

/** Writes the edits; what they break in the file is said before anything is written or scaled. */
export async function writeEdits(stack: Stack, edits: readonly Edit[], runtime: Runtime): Promise<Stack> {
  if (edits.length === 0) return stack
  return await editStack(
    stack.file,
    edits.map(({ path, to }) => ({ path, value: to })),
    runtime.cwd,
  )
}
