/** How the two versions of a tier are told apart while one takes the other's place. */

/** Of a tier that is being rolled out: the version that was there, and the one that is to take its place. */
export const releases = ['current', 'next'] as const
export type Release = (typeof releases)[number]

/**
 * A request that carries it goes to the release that it names; shares are of the others. The balancer answers with it
 * while a tier is split: which release that was, so that nobody compares a release with itself.
 */
export const releaseHeader = 'x-ragscale-release'

/** Of the second version's workload, pool and replicas: `embed-next`. */
export function nextOf(tier: string): string {
  return `${tier}-next`
}
