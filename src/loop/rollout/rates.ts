/** How hard each release is loaded, so that a replica of one has as much to do as a replica of the other. Pure. */

export interface ReleaseLoad {
  readonly replicas: number
  /** Requests a second that others send to this release. */
  readonly others: number
}

export interface ComparableRates {
  /** What is sent to each release, a second, beside what others send. */
  readonly current: number
  readonly next: number
  /** What a replica of either then has to do, a second. */
  readonly perReplica: number
}

/** Of what a replica has to do, at least this share is measured: others' requests are not. */
const leastShare = 0.25

/**
 * Tops both up to the same rate a replica: `perReplica`, or as much more as others ask of one already.
 * @param perReplica a second
 */
export function comparableRates(
  perReplica: number,
  current: ReleaseLoad,
  next: ReleaseLoad,
): ComparableRates {
  const busiest = Math.max(current.others / current.replicas, next.others / next.replicas)
  const rate = Math.max(perReplica, busiest / (1 - leastShare))
  const toSend = ({ replicas, others }: ReleaseLoad): number => tidy(rate * replicas - others)
  return { current: toSend(current), next: toSend(next), perReplica: tidy(rate) }
}

function tidy(rate: number): number {
  return Number(rate.toPrecision(4))
}
