import { describe, expect, test } from 'vitest'
import { createMetrics, measured } from '../../../../src/services/gateway/metrics.ts'
import type { AnswerEvent } from '../../../../src/services/gateway/query.ts'

type Done = Extract<AnswerEvent, { type: 'done' }>

function done(answer: Done['cache']['answer'], usage: Done['usage']): Done {
  return {
    type: 'done',
    timings: {},
    cache: { embedding: 'off', retrieval: 'off', answer },
    answer: 'Two.',
    usage,
  }
}

async function* once(event: AnswerEvent): AsyncGenerator<AnswerEvent> {
  yield event
}

async function pass(metrics: ReturnType<typeof createMetrics>, event: AnswerEvent): Promise<void> {
  for await (const _ of measured('query', once(event), metrics, () => 0)) continue
}

describe('the gateway’s metrics', () => {
  test('count times at the limits that they are held to, beside the usual ones', async () => {
    const metrics = createMetrics({ maxInFlight: 1, bucketsMs: [7_000, 60, 100] })
    metrics.ended('query', 200, 6_500)
    const text = await metrics.text()
    const bounds = [...text.matchAll(/request_duration_seconds_bucket\{le="([^"]+)",route="query"\} (\d+)/g)]
    expect(bounds.map(([, bound]) => bound)).toEqual(
      '0.001 0.0025 0.005 0.01 0.025 0.05 0.06 0.1 0.25 0.5 1 2.5 5 7 10 30 60 +Inf'.split(' '),
    )
    expect(bounds.filter(([, , count]) => count === '1').map(([, bound]) => bound)).toEqual([
      '7',
      '10',
      '30',
      '60',
      '+Inf',
    ])
  })

  test('count the tokens that a model read and wrote, and none for an answer from the cache', async () => {
    const metrics = createMetrics({ maxInFlight: 1, bucketsMs: [] })
    await pass(metrics, done('miss', { prompt_tokens: 400, completion_tokens: 30 }))
    await pass(metrics, done('off', { prompt_tokens: 100, completion_tokens: 5 }))
    await pass(metrics, done('hit', { prompt_tokens: 400, completion_tokens: 30 }))
    await pass(metrics, done('off', null))
    const text = await metrics.text()
    expect(text).toContain('ragscale_gateway_tokens_total{kind="input"} 500')
    expect(text).toContain('ragscale_gateway_tokens_total{kind="output"} 35')
  })
})
