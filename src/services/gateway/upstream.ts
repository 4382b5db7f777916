import {
  BrokenCircuitError,
  CircuitState,
  ConsecutiveBreaker,
  ExponentialBackoff,
  TaskCancelledError,
  TimeoutStrategy,
  circuitBreaker,
  handleWhen,
  retry,
  timeout,
  wrap,
} from 'cockatiel'

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

/**
 * How one upstream is called: a time limit for each attempt, up to two more attempts with exponential
 * backoff and decorrelated jitter, and a circuit that opens after ten failures in a row and tries again
 * after five seconds.
 *
 * Embedding, retrieval and reranking read only, so any transient failure may be tried again. Generating is
 * paid for: it is tried again only when the upstream refused it (429, 503) or could not be reached at all.
 */
export function upstreamPolicy(
  stage: UpstreamStage,
  options: { timeoutMs: number; attempts?: number },
): UpstreamPolicy {
  const mayRetry = (error: unknown): boolean =>
    error instanceof UpstreamError &&
    (stage === 'generate' ? error.isBackpressure || isRefused(error) : error.isTransient)
  const retries = retry(handleWhen(mayRetry), {
    maxAttempts: options.attempts ?? 2,
    backoff: new ExponentialBackoff({ initialDelay: 20, maxDelay: 500 }),
  })
  const breaker = circuitBreaker(
    handleWhen((error) => !(error instanceof UpstreamError && (error.isBackpressure || isOurFault(error)))),
    { halfOpenAfter: 5_000, breaker: new ConsecutiveBreaker(10) },
  )
  const limit = timeout(options.timeoutMs, TimeoutStrategy.Aggressive)
  const policy = wrap(retries, breaker, limit)
  return {
    run: async (call, signal) => {
      try {
        return await policy.execute(({ signal: attempt }) => call(attempt), signal)
      } catch (error) {
        if (error instanceof BrokenCircuitError) {
          throw new UpstreamError(
            stage,
            `${stage}: not called, its circuit is open after repeated failures`,
            { status: 503, retryAfterMs: 5_000 },
          )
        }
        if (error instanceof TaskCancelledError && !signal.aborted) {
          throw new UpstreamError(stage, `${stage}: no answer within ${options.timeoutMs} ms`, {
            status: 504,
          })
        }
        throw error
      }
    },
    circuit: () =>
      breaker.state === CircuitState.Open
        ? 'open'
        : breaker.state === CircuitState.HalfOpen
          ? 'half-open'
          : 'closed',
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

/** Milliseconds of a `Retry-After` header in seconds, or null. */
export function retryAfterMs(header: string | string[] | undefined): number | null {
  const seconds = Number(Array.isArray(header) ? header[0] : header)
  return Number.isFinite(seconds) && seconds >= 0 ? seconds * 1_000 : null
}
