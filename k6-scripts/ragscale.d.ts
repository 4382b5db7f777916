// oxlint-disable no-underscore-dangle -- these are k6's own names
/** What `xk6-ragscale` gives to scripts (docs/architecture.md), and the parts of k6 that the scripts use. */

declare module 'k6/x/ragscale' {
  /** The arrival that this iteration serves. */
  export interface Arrival {
    step: string
    stage: string
    phase: 'warmup' | 'window'
    /** Of this step, from 0. */
    index: number
    /** Milliseconds since 1970 at which the request was due. */
    scheduledMs: number
  }

  /** Request bodies kept in Go, rendered once a process. */
  export interface Bodies {
    readonly length: number
  }

  export interface RequestOptions {
    /** `POST` when there is a body, else `GET`. */
    method?: string
    url: string
    headers?: Record<string, string>
    body?: string
    bodies?: Bodies
    /** Which of `bodies`. */
    index?: number
    timeoutMs?: number
    /** Whether the result holds the answer's text: reading it into JavaScript costs. */
    keepBody?: boolean
    /** Statuses that count as success; 200 … 299 unless given. */
    expectStatus?: number[]
  }

  export interface Result {
    ok: boolean
    status: number
    /** Empty, or one of `timeout`, `connect`, `reset`, `closed_early`, `malformed`, `http_<status>`, `stream_error`, `aborted`. */
    error: string
    /** Null unless `keepBody`. */
    body: string | null
  }

  export interface StreamResult extends Result {
    /** Null unless `keepBody`. */
    text: string | null
    finishReason: string
    /** Milliseconds from sending to the first token. */
    ttftMs: number | null
    /** Null when the server gave no `usage`. */
    outputTokens: number | null
  }

  export function arrival(): Arrival
  /** Which query this arrival asks: 0 … count − 1, a function of the plan's seed, the step and the index. */
  export function pick(): number
  export function bodies(name: string, build: () => string[]): Bodies
  /** One HTTP exchange, timed from the arrival's scheduled instant. */
  export function request(options: RequestOptions): Result
  /** One OpenAI-compatible streaming completion, tokens timed. */
  export function chat(options: RequestOptions): StreamResult
  /** One streamed query of the reference gateway. */
  export function query(options: RequestOptions): StreamResult
  /** recall@k of this arrival's answer, 0 … 1. */
  export function recall(value: number): void
  /** The exchange was fine but its answer is not: this arrival failed, with this label. */
  export function fail(error: string): void
}

declare module 'k6/data' {
  /** An array built once a process; reading an element parses a copy of it. */
  export class SharedArray<T> {
    constructor(name: string, build: () => T[])
    readonly length: number;
    [index: number]: T
  }
}

/** The text of a file, at initialisation only. */
declare function open(path: string): string
declare const __ENV: Record<string, string | undefined>
/** 0 while k6 reads the script for its options, else the number of the virtual user. */
declare const __VU: number
