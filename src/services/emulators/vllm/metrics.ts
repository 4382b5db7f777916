import { Counter, Gauge, Histogram, Registry } from 'prom-client'
import type { ContinuousDone } from '../cores/continuous.ts'

const latency = [0.3, 0.5, 0.8, 1, 1.5, 2, 2.5, 5, 10, 15, 20, 30, 40, 50, 60, 120, 240, 480, 960]
const firstToken = [
  0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10, 20, 40, 80, 160,
]
const betweenTokens = [
  0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.75, 1, 2.5, 5, 7.5, 10, 20, 40, 80,
]
const tokenCounts = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000, 20_000, 50_000, 100_000]

/** What the engine knows of itself, asked for at each scrape. */
export interface EngineState {
  readonly running: number
  readonly waiting: number
  readonly kvUsage: number
  readonly preemptions: number
  readonly prefixTokens: { readonly queried: number; readonly hit: number }
}

export interface VllmMetrics {
  readonly registry: Registry
  token(sincePreviousMs: number): void
  finished(done: ContinuousDone, promptTokens: number, reason: 'stop' | 'length'): void
  aborted(): void
}

export function createMetrics(model: string, state: () => EngineState): VllmMetrics {
  const registry = new Registry()
  registry.setDefaultLabels({ model_name: model, engine: '0' })
  const registers = [registry]
  const histogram = (name: string, help: string, buckets: number[]) =>
    new Histogram({ name: `vllm:${name}`, help, buckets, registers })
  const counter = (name: string, help: string) => new Counter({ name: `vllm:${name}`, help, registers })
  /** A metric that is read off the engine when it is asked for. */
  const read = (
    kind: 'gauge' | 'counter',
    name: string,
    help: string,
    value: (state: EngineState) => number,
  ) => {
    const options = { name: `vllm:${name}`, help, registers: [] }
    const collected =
      kind === 'gauge'
        ? new Gauge({
            ...options,
            collect() {
              this.set(value(state()))
            },
          })
        : new Counter({
            ...options,
            collect() {
              this.reset()
              this.inc(value(state()))
            },
          })
    registry.registerMetric(collected)
  }
  read('gauge', 'num_requests_running', 'Requests in the batch.', (engine) => engine.running)
  read('gauge', 'num_requests_waiting', 'Requests that wait to be scheduled.', (engine) => engine.waiting)
  read('gauge', 'kv_cache_usage_perc', 'Share of the KV cache in use, 1 is all.', (engine) => engine.kvUsage)
  read(
    'counter',
    'num_preemptions_total',
    'Requests put back for want of KV blocks.',
    (engine) => engine.preemptions,
  )
  read(
    'counter',
    'prefix_cache_queries_total',
    'Prompt tokens looked up in the prefix cache.',
    (engine) => engine.prefixTokens.queried,
  )
  read(
    'counter',
    'prefix_cache_hits_total',
    'Prompt tokens found in the prefix cache.',
    (engine) => engine.prefixTokens.hit,
  )

  const promptTokens = counter('prompt_tokens_total', 'Prompt tokens processed.')
  const generationTokens = counter('generation_tokens_total', 'Tokens generated.')
  const success = new Counter({
    name: 'vllm:request_success_total',
    help: 'Requests ended.',
    labelNames: ['finished_reason'],
    registers,
  })
  const ttft = histogram('time_to_first_token_seconds', 'From arrival to the first token.', firstToken)
  const itl = histogram('inter_token_latency_seconds', 'Between two tokens of a request.', betweenTokens)
  const tpot = histogram(
    'request_time_per_output_token_seconds',
    'Mean time a token after the first, of a request.',
    betweenTokens,
  )
  const whole = histogram('e2e_request_latency_seconds', 'From arrival to the last token.', latency)
  const queue = histogram('request_queue_time_seconds', 'Waiting to be scheduled.', latency)
  const inference = histogram(
    'request_inference_time_seconds',
    'From being scheduled to the last token.',
    latency,
  )
  const prefill = histogram(
    'request_prefill_time_seconds',
    'From being scheduled to the first token.',
    latency,
  )
  const decode = histogram('request_decode_time_seconds', 'From the first token to the last.', latency)
  const prompts = histogram('request_prompt_tokens', 'Prompt tokens of a request.', tokenCounts)
  const generations = histogram('request_generation_tokens', 'Tokens generated for a request.', tokenCounts)
  return {
    registry,
    token: (sincePreviousMs) => {
      generationTokens.inc()
      itl.observe(sincePreviousMs / 1000)
    },
    finished: ({ arrivalMs, startMs, firstTokenMs, atMs, outputTokens }, prompt, reason) => {
      // The first token is not counted by `token`, which tells of gaps.
      generationTokens.inc()
      promptTokens.inc(prompt)
      success.inc({ finished_reason: reason })
      ttft.observe((firstTokenMs - arrivalMs) / 1000)
      whole.observe((atMs - arrivalMs) / 1000)
      queue.observe((startMs - arrivalMs) / 1000)
      inference.observe((atMs - startMs) / 1000)
      prefill.observe((firstTokenMs - startMs) / 1000)
      decode.observe((atMs - firstTokenMs) / 1000)
      if (outputTokens > 1) tpot.observe((atMs - firstTokenMs) / (outputTokens - 1) / 1000)
      prompts.observe(prompt)
      generations.observe(outputTokens)
    },
    aborted: () => success.inc({ finished_reason: 'abort' }),
  }
}
