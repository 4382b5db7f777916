import { z } from 'zod'
import { releases } from '../../catalog/releases.ts'
import type { Observed, ReleaseCounts } from '../target.ts'

const balancerState = z.object({
  upstreams: z.array(z.object({ release: z.enum(releases), served: z.number(), failed: z.number() })),
})

/** What a tier's balancer says that it has passed on; null when it does not answer. */
export async function servedBy({ replicas }: Observed, tier: string): Promise<ReleaseCounts | null> {
  const url = replicas.find((one) => one.tier === tier && one.replica === 'balancer')?.url ?? null
  if (url === null) return null
  try {
    const response = await fetch(`${url}/__ragscale/balancer`, { signal: AbortSignal.timeout(2_000) })
    const { upstreams } = balancerState.parse(await response.json())
    const count = (release: string): number =>
      upstreams
        .filter((upstream) => upstream.release === release)
        .reduce((sum, { served, failed }) => sum + served + failed, 0)
    return { current: count('current'), next: count('next') }
  } catch {
    return null
  }
}
