/** The chance that an arrival waits, of `load` Erlangs on `servers`: Erlang's C from the recursion of his B. */
export function erlangC(servers: number, load: number): number {
  let blocked = 1
  for (let server = 1; server <= servers; server++) blocked = (load * blocked) / (server + load * blocked)
  const utilization = load / servers
  return blocked / (1 - utilization * (1 - blocked))
}

/** P99 of the time in an M/M/c: exponential service, and with Erlang's C an exponential wait before it. */
export function mmcP99(servers: number, utilization: number, serviceMs: number): number {
  const waits = erlangC(servers, servers * utilization)
  const service = 1 / serviceMs
  const drain = (servers * (1 - utilization)) / serviceMs
  const tail = (ms: number) =>
    (1 - waits) * Math.exp(-service * ms) +
    (waits * (service * Math.exp(-drain * ms) - drain * Math.exp(-service * ms))) / (service - drain)
  let low = 0
  let high = 1000 * serviceMs
  for (let step = 0; step < 60; step++) {
    const middle = (low + high) / 2
    if (tail(middle) > 0.01) low = middle
    else high = middle
  }
  return low
}

/** The root of σ = A*(μ(1 − σ)) of a GI/M/1 with Erlang-`phases` arrivals: its time in system is exponential with μ(1 − σ). */
export function giM1Sigma(phases: number, utilization: number): number {
  const arrival = phases * utilization
  let sigma = 0.5
  for (let step = 0; step < 1000; step++) sigma = (arrival / (arrival + 1 - sigma)) ** phases
  return sigma
}
