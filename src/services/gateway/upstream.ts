import { setTimeout as sleep } from 'node:timers/promises'
import {
  BrokenCircuitError,
  CircuitState,
  ConsecutiveBreaker,
  TaskCancelledError,
  TimeoutStrategy,
  circuitBreaker,
  handleWhen,
  timeout,
  wrap,
} from 'cockatiel'
import { type Patience, delayBefore, patienceOfOwn } from './backoff.ts'

export type UpstreamStage = 'embed' | 'retrieve' | 'rerank' | 'generate'

/** A failure of something the gateway calls. `status` is null when no answer came. */
export class UpstreamError extends Error {
  readonly stage: UpstreamStage
  readonly status: number | null
  /** Milliseconds that the upstream asked to wait, from `Retry-After`. */
  readonly retryAfterMs: number | null

  constructor(
    stage: UpstreamStage,
    message: string,
    details: { status?: number; retryAfterMs?: number | null; cause?: unknown } = {},
  ) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause })
    this.name = 'UpstreamError'
    this.stage = stage
    this.status = details.status ?? null
    this.retryAfterMs = details.retryAfterMs ?? null
  }

  /** 429 and 503 mean "later", not "broken": they neither open the circuit nor eject anybody. */
  get isBackpressure(): boolean {
    return this.status === 429 || this.status === 503
  }

  /** No answer, or one that says that trying again may help. */
  get isTransient(): boolean {
    return this.status === null || this.status === 502 || this.status === 504 || this.isBackpressure
  }
}

export interface UpstreamPolicy {
  run<T>(call: (signal: AbortSignal) => Promise<T>, signal: AbortSignal): Promise<T>
  circuit(): 'closed' | 'open' | 'half-open'
}

export interface UpstreamOptions {
  readonly timeoutMs: number
  readonly patience?: Partial<Patience>
  /** Uniform, 0 … 1. */
  readonly random?: () => number
}

/**
 * How one upstream is called: a time limit for each attempt, up to two more attempts with exponential
 * backoff and jitter, and a circuit that opens after ten failures in a row and tries again after five seconds.
 * An upstream that says how long to wait (`Retry-After`, as API providers do with 429) is waited for, within
 * `patience`; one that asks for more is not tried again, and the caller is told how long it asked for.
 *
 * Embedding, retrieval and reranking read only, so any transient failure may be tried again. Generating is
 * paid for: it is tried again only when the upstream refused it (429, 503) or could not be reached at all.
 */
export function upstreamPolicy(stage: UpstreamStage, options: UpstreamOptions): UpstreamPolicy {
  const mayRetry = (error: unknown): error is UpstreamError =>
    error instanceof UpstreamError &&
    (stage === 'generate' ? error.isBackpressure || isRefused(error) : error.isTransient)
  const patience = { ...patienceOfOwn, ...options.patience }
  const random = options.random ?? Math.random
  const breaker = circuitBreaker(
    handleWhen((error) => !(error instanceof UpstreamError && (error.isBackpressure || isOurFault(error)))),
    { halfOpenAfter: 5_000, breaker: new ConsecutiveBreaker(10) },
  )
  const limit = timeout(options.timeoutMs, TimeoutStrategy.Aggressive)
  const policy = wrap(breaker, limit)
  return {
    run: async (call, signal) => {
      let waitedMs = 0
      for (let attempt = 1; ; attempt++) {
        try {
          return await policy.execute(({ signal: inner }) => call(inner), signal)
        } catch (error) {
          const delayMs = mayRetry(error)
            ? delayBefore({ attempt, waitedMs, retryAfterMs: error.retryAfterMs, patience, random })
            : null
          if (delayMs === null || signal.aborted) throw inWords(error, signal)
          waitedMs += delayMs
          await sleep(delayMs, undefined, { signal }).catch(() => {
            throw error
          })
        }
      }
    },
    circuit: () =>
      breaker.state === CircuitState.Open
        ? 'open'
        : breaker.state === CircuitState.HalfOpen
          ? 'half-open'
          : 'closed',
  }

  /** What the policies themselves throw, as the failures of an upstream that they are. */
  function inWords(error: unknown, signal: AbortSignal): unknown {
    if (error instanceof BrokenCircuitError) {
      return new UpstreamError(stage, `${stage}: not called, its circuit is open after repeated failures`, {
        status: 503,
        retryAfterMs: 5_000,
      })
    }
    if (error instanceof TaskCancelledError && !signal.aborted) {
      return new UpstreamError(stage, `${stage}: no answer within ${options.timeoutMs} ms`, { status: 504 })
    }
    return error
  }
}

/** The connection was refused: nothing was sent, so nothing was done. */
function isRefused(error: UpstreamError): boolean {
  const cause = error.cause
  return error.status === null && cause instanceof Error && 'code' in cause && cause.code === 'ECONNREFUSED'
}

/** A 4xx is the caller's mistake: it says nothing about the upstream's health. */
function isOurFault(error: UpstreamError): boolean {
  return error.status !== null && error.status >= 400 && error.status < 500
}
