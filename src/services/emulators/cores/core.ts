/**
 * A state machine over an explicit time in milliseconds: it has no clock. The real-time driver and the
 * virtual-time pipeline both run it, so what a test learns in virtual time holds for the emulators.
 */
export interface Core<Request, Event> {
  /** Takes a request that arrives at `nowMs`. Times given to one core never go backwards. */
  submit(request: Request, nowMs: number): 'accepted' | 'refused'
  /** When the next event is due: it may lie in the past of a late caller; Infinity when idle. */
  nextEventMs(): number
  /** Everything due until `nowMs`, in order, each with the modelled time at which it happened. */
  advance(nowMs: number): Event[]
  /** Modelled milliseconds of work begun so far, summed over servers, threads or steps. */
  readonly busyMs: number
  /** Requests accepted and not yet done. */
  readonly inFlight: number
  /** Requests accepted that wait for their service to begin, as of the last call. */
  readonly waiting: number
}

/** What every core's requests carry. */
export interface Work {
  /** Unique among a core's requests in flight. */
  readonly id: number
  /** Multiplies the service time: a query that is hard in one stage can be made hard in all. Default 1. */
  readonly work?: number
}

/** What every core's last event of a request carries. */
export interface Done {
  readonly kind: 'done'
  readonly id: number
  readonly atMs: number
  readonly arrivalMs: number
  readonly startMs: number
}
