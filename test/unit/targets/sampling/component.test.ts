import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { components, signalsOf } from '../../../../src/catalog/catalog.ts'
import type { Observed } from '../../../../src/catalog/observed.ts'
import { type SignalSources, meanOf } from '../../../../src/catalog/signals.ts'
import { vllmObserved } from '../../../../src/catalog/vllm/observed.ts'
import { componentReading, componentSample } from '../../../../src/targets/sampling/component.ts'
import { allTiers, stackOf } from '../stacks.ts'

const vllm = vllmObserved.signals ?? {}

function sampleOf(sources: SignalSources, before: string | null, now: string, seconds = 2) {
  return componentSample(
    sources,
    before === null ? null : componentReading(before, sources, 0),
    componentReading(now, sources, seconds * 1000),
  )
}

const page = (running: number, queries: number, hits: number, tokens: number) => `
vllm:num_requests_running{engine="0",model_name="m"} ${running}
vllm:num_requests_waiting{engine="0",model_name="m"} 3
vllm:kv_cache_usage_perc{engine="0",model_name="m"} 0.25
vllm:prefix_cache_queries_total{engine="0"} ${queries}
vllm:prefix_cache_hits_total{engine="0"} ${hits}
vllm:generation_tokens_total{engine="0"} ${tokens}
vllm:iteration_tokens_total_sum ${tokens}
vllm:iteration_tokens_total_count ${tokens / 8}
vllm:time_to_first_token_seconds_bucket{le="+Inf"} NaN
`

describe('what a replica says of its load', () => {
  it('is its gauges, and what its counters grew by since the sample before', () => {
    expect(sampleOf(vllm, page(4, 1000, 100, 8000), page(5, 1400, 400, 8400))).toEqual({
      queue: 3,
      signals: {
        running: 5,
        kvCacheUsed: 0.25,
        prefixCacheHits: 0.75,
        tokensWritten: 200,
        batchTokens: 8,
      },
    })
  })

  it('is its gauges alone at first, and of a counter that began anew nothing', () => {
    const gauges = { queue: 3, signals: { running: 5, kvCacheUsed: 0.25 } }
    expect(sampleOf(vllm, null, page(5, 1400, 400, 8400))).toEqual(gauges)
    expect(sampleOf(vllm, page(5, 1400, 400, 8400), page(5, 10, 5, 80))).toEqual(gauges)
  })

  it('is no share of nothing: without look-ups nobody knows how many would have hit', () => {
    const { signals } = sampleOf(vllm, page(0, 10, 5, 80), page(0, 10, 5, 80))
    expect(signals).not.toHaveProperty('prefixCacheHits')
    expect(signals).not.toHaveProperty('batchTokens')
    expect(signals).toMatchObject({ tokensWritten: 0 })
  })

  it('joins the series of one replica as the signal is meant', () => {
    const text = 'vllm:kv_cache_usage_perc{engine="0"} 0.2\nvllm:kv_cache_usage_perc{engine="1"} 0.4\n'
    const running = 'vllm:num_requests_running{engine="0"} 2\nvllm:num_requests_running{engine="1"} 3\n'
    expect(sampleOf(vllm, null, text + running).signals).toEqual({
      running: 5,
      kvCacheUsed: expect.closeTo(0.3) as number,
    })
  })

  it('divides gauges that are a share only together', () => {
    const sources: SignalSources = { kvCacheUsed: { gauge: 'used', of: 'all' } }
    expect(sampleOf(sources, null, 'used 3\nall 12\n').signals).toEqual({ kvCacheUsed: 0.25 })
    expect(sampleOf(sources, null, 'used 0\nall 0\n').signals).toEqual({})
    expect(sampleOf(sources, null, 'used 3\n').signals).toEqual({})
  })

  it('is the mean of what a histogram saw in between, and lies between the least and the most of it', () => {
    const sources: SignalSources = { batchSize: meanOf('batch') }
    const batches = fc.array(fc.integer({ min: 1, max: 512 }), { minLength: 1, maxLength: 50 })
    const told = (all: readonly number[]) =>
      `batch_sum ${all.reduce((sum, size) => sum + size, 0)}\nbatch_count ${all.length}\n`
    fc.assert(
      fc.property(batches, batches, (before, since) => {
        const { batchSize } = sampleOf(sources, told(before), told([...before, ...since])).signals
        expect(batchSize).toBeGreaterThanOrEqual(Math.min(...since))
        expect(batchSize).toBeLessThanOrEqual(Math.max(...since))
      }),
    )
  })
})

describe('the catalogue', () => {
  const stack = stackOf(allTiers)
  const withSignals = components.flatMap(({ name, observed }): { name: string; observed: Observed }[] => {
    const all =
      typeof observed === 'function' ? ['gateway', 'worker'].map((tier) => observed(tier, stack)) : [observed]
    return all.flatMap((one) => (one?.signals === undefined ? [] : [{ name, observed: one }]))
  })

  it.each(withSignals)('takes the signals of $name from metrics that it exports', ({ observed }) => {
    for (const source of Object.values(observed.signals ?? {})) {
      const metrics = Object.values(source).map((metric) =>
        metric in observed.exports ? metric : metric.replace(/_(sum|count)$/, ''),
      )
      for (const metric of metrics) expect(Object.keys(observed.exports)).toContain(metric)
      // A gauge may fall; what is taken for a counter may not.
      const type = 'gauge' in source ? ['gauge'] : ['counter', 'histogram']
      for (const metric of metrics) expect(type).toContain(observed.exports[metric])
    }
  })

  it('knows signals of every tier that computes', () => {
    for (const tier of ['gateway', 'embed', 'vector', 'generate', 'worker'])
      expect(Object.keys(signalsOf(stack, tier))).toContain('running')
    expect(signalsOf(stack, 'balancer')).toEqual({})
  })
})
