/**
 * What replicas say of their own load while a test runs: one vocabulary for all components, so that a report and
 * a record know what a figure means whoever it comes from. A component's `observed.signals` says where it finds them.
 */

/** How figures are joined: of the series of one replica, and of the replicas of a tier. */
export type Joining = 'sum' | 'mean' | 'max'

export interface Signal {
  /** In a report's table. */
  readonly title: string
  readonly unit: 'count' | 'share' | 'perSecond'
  readonly over: Joining
}

export const signals = {
  /** Requests that are worked on, waiting ones not among them. */
  running: { title: 'running', unit: 'count', over: 'sum' },
  kvCacheUsed: { title: 'KV cache in use', unit: 'share', over: 'mean' },
  /** Of the prompt tokens looked up since the sample before. */
  prefixCacheHits: { title: 'prefix cache hits', unit: 'share', over: 'mean' },
  preemptions: { title: 'preemptions', unit: 'perSecond', over: 'sum' },
  /** Inputs of a batch, a mean over those since the sample before. */
  batchSize: { title: 'inputs a batch', unit: 'count', over: 'mean' },
  batchTokens: { title: 'tokens a batch', unit: 'count', over: 'mean' },
  tokensRead: { title: 'tokens read', unit: 'perSecond', over: 'sum' },
  tokensWritten: { title: 'tokens written', unit: 'perSecond', over: 'sum' },
  /** Writes that wait to be applied. */
  updateQueue: { title: 'updates waiting', unit: 'count', over: 'sum' },
  optimizations: { title: 'optimizations', unit: 'count', over: 'sum' },
  /** Pages that had to be read from disk before work could go on. */
  pageFaults: { title: 'pages from disk', unit: 'perSecond', over: 'sum' },
  /** Documents of the queue that all workers share, as each of them tells. */
  backlog: { title: 'documents queued', unit: 'count', over: 'max' },
} as const satisfies Record<string, Signal>

export type SignalName = keyof typeof signals

/** Undefined for a name that this version does not know, as in the record of another one. */
export function signalNamed(name: string): Signal | undefined {
  return Object.hasOwn(signals, name) ? signals[name as SignalName] : undefined
}

/** Where a signal is found in a component's exposition; a metric's name is one series' (`…_sum` of a histogram). */
export type SignalSource =
  /** Its value; with `of` its share of another gauge. */
  | { readonly gauge: string; readonly of?: string }
  /** How much it grew a second. Of a histogram of seconds, `…_sum`: how many were inside at a time (Little's law). */
  | { readonly rate: string }
  /** How much of the growth of one counter is in another. */
  | { readonly grown: string; readonly of: string }

/** The mean of what a histogram saw since the sample before. */
export function meanOf(histogram: string): SignalSource {
  return { grown: `${histogram}_sum`, of: `${histogram}_count` }
}

/** `queue`: requests that wait for their service, which every record has had a field for. */
export type SignalSources = Readonly<Partial<Record<SignalName | 'queue', SignalSource>>>
