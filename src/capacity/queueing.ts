/** Closed forms. They bound and explain; what is recommended comes from simulation. */

/** Erlang B: the share of arrivals refused by `servers` servers without a queue, at an offered load in Erlang. */
export function erlangB(servers: number, load: number): number {
  let blocking = 1
  for (let k = 1; k <= servers; k++) blocking = (load * blocking) / (k + load * blocking)
  return blocking
}

/** Erlang C: the share of arrivals that wait, M/M/c. 1 at or beyond full load. */
export function erlangC(servers: number, load: number): number {
  if (load >= servers) return 1
  const blocking = erlangB(servers, load)
  return blocking / (1 - (load / servers) * (1 - blocking))
}

/** Mean wait in M/M/c, in the unit of `meanService`. Infinity when overloaded. */
export function meanWait(servers: number, ratePerUnit: number, meanService: number): number {
  const load = ratePerUnit * meanService
  if (load >= servers) return Number.POSITIVE_INFINITY
  return (erlangC(servers, load) * meanService) / (servers - load)
}

/** Allen–Cunneen: the mean wait in G/G/c, from M/M/c's and the squared coefficients of variation of gaps and service. */
export function allenCunneen(
  servers: number,
  ratePerUnit: number,
  meanService: number,
  arrivalScv: number,
  serviceScv: number,
): number {
  return (meanWait(servers, ratePerUnit, meanService) * (arrivalScv + serviceScv)) / 2
}

/** A quantile of the time in system of M/M/1; rates in the same unit. Infinity when overloaded. */
export function mm1Quantile(arrivalRate: number, serviceRate: number, probability: number): number {
  if (arrivalRate >= serviceRate) return Number.POSITIVE_INFINITY
  return -Math.log(1 - probability) / (serviceRate - arrivalRate)
}

/** Little's law: how many are in a system that this rate flows through in this time. */
export function little(rate: number, time: number): number {
  return rate * time
}

/** The probability that one part must reach so that the slowest of `parts` equal, independent parts reaches `probability`. */
export function fanOutProbability(probability: number, parts: number): number {
  return probability ** (1 / parts)
}

/** Replicas that the Kubernetes HPA asks for; it changes nothing within `tolerance` of the target. */
export function hpaReplicas(replicas: number, metric: number, target: number, tolerance = 0.1): number {
  const ratio = metric / target
  return Math.abs(ratio - 1) <= tolerance ? replicas : Math.ceil(replicas * ratio)
}

/** Replicas to keep warm so that a load that grows while one starts finds its place. */
export function warmHeadroom(rateNow: number, rateAfterStart: number, ratePerReplica: number): number {
  return Math.max(0, Math.ceil((rateAfterStart - rateNow) / ratePerReplica))
}
