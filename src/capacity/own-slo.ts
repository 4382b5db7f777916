import { worstOf, type Judged } from './judge.ts'
import { simulatedTiers, tierCounts, type Context, type Known } from './pipeline.ts'
import { PipelineSimulation } from './simulate.ts'

const simulated = { queries: 20_000, warmup: 2_000 }

/**
 * The highest rate a replica, of `replicas`, at which the tier alone meets the SLOs of its own stage; at most
 * `ceiling`. Its balancer matters, so it is found for the counts that are recommended.
 */
export function capacityWithin(
  one: Known,
  replicas: number,
  slos: readonly Judged[],
  { input }: Context,
): number {
  const { ceiling } = one.calibrated
  // A provider's times do not follow our rate: its SLO holds at any or at none.
  if (slos.length === 0 || one.now.provided !== undefined) return ceiling
  const alone = [{ ...one, now: { ...one.now, visits: 1 } }]
  const holds = (perReplica: number): boolean => {
    const load = { rate: perReplica * replicas, arrivals: input.arrivals, seed: input.seed, ...simulated }
    const simulation = new PipelineSimulation(simulatedTiers(input, alone, 0), load, 0)
    return worstOf(simulation.run(tierCounts(alone, [replicas], input.spare)), slos).ratio <= 1
  }
  if (holds(ceiling)) return ceiling
  let low = 0
  let high = ceiling
  for (let i = 0; i < 7; i++) {
    const middle = (low + high) / 2
    if (holds(middle)) low = middle
    else high = middle
  }
  return low
}
