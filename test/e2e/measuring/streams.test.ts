/** Token times against a server that logs when it wrote each token (issue: "Measuring is right"). */
import { expect, it } from 'vitest'
import { quantileNs } from '../../../src/recording/histogram.ts'
import { findSeries } from '../../../src/recording/series.ts'
import type { FromServer, Streamed, ToServer } from '../servers/streaming.ts'
import { startServer } from '../servers/start.ts'
import { mean, quantile } from './lindley.ts'
import { measure, measureValid } from './measure.ts'

const streams = 100
const config = { tokens: 40, firstToken: { fromMs: 40, toMs: 140 }, gapMs: 10, reasoningTokens: 8 }

it('the tokens of a hundred streams are timed as the server wrote them', async () => {
  let streamed: Streamed[] = []
  const outcome = await measureValid(async () => {
    const server = startServer<ToServer, FromServer>('streaming.ts')
    try {
      const { port } = await server.ask({ type: 'configure', config }, 'listening')
      return await measure(
        {
          stage: 'generate',
          scenario: 'steady',
          rate: 20,
          durationMs: (streams / 20) * 1_000,
          warmupMs: 1_000,
          arrivals: { kind: 'constant' },
        },
        { urls: [`http://127.0.0.1:${port}`], protocol: 'openai', model: 'm', outputTokens: config.tokens },
        [{ query: 'what is a token?' }],
        {
          resources: async () => {
            streamed = (await server.ask({ type: 'log' }, 'log')).streamed
            return []
          },
        },
      )
    } finally {
      server.stop()
    }
  })
  if ('invalid' in outcome)
    throw new Error(`this machine is too busy to measure on: ${outcome.invalid.join(' / ')}`)
  const { steps, series, run } = outcome.measured
  const [step] = steps
  if (step === undefined) throw new Error('nothing was measured')
  const from = Date.parse(step.windowStartedAt)
  const written = streamed.filter(({ arrivalMs }) => arrivalMs >= from)
  expect(step.errors).toEqual({})
  expect([step.succeeded, written.length]).toEqual([streams, streams])
  expect(run.steps[0]).toMatchObject({
    outputTokens: streams * config.tokens,
    inputTokens: streams * 7,
    unmeasuredTokens: 0,
  })

  const measured = (metric: string, share: number): number => {
    const found = findSeries(series, step.id, 'generate', metric)
    expect(found?.histogram.count, metric).toBe(streams)
    return (quantileNs(found!.histogram, share) ?? Number.NaN) / 1e6
  }
  const sinceArrival = (index: (stream: Streamed) => number) =>
    written.map((stream) => (stream.tokensMs[index(stream)] ?? Number.NaN) - stream.arrivalMs)
  const firsts = sinceArrival(() => 0)
  const answers = sinceArrival(({ reasoningTokens }) => reasoningTokens)
  for (const [metric, expected] of [
    ['ttft', firsts],
    ['ttfo', answers],
  ] as const) {
    expect(
      Math.abs(measured(metric, 0.5) - quantile(expected, 0.5)),
      `${metric} at the median`,
    ).toBeLessThanOrEqual(1)
    expect(
      Math.abs(measured(metric, 0.99) - quantile(expected, 0.99)),
      `${metric} at the P99`,
    ).toBeLessThanOrEqual(3)
  }

  const perToken = written.map(
    ({ tokensMs }) => ((tokensMs.at(-1) ?? 0) - (tokensMs[0] ?? 0)) / (tokensMs.length - 1),
  )
  const tpot = step.metrics['tpot']
  expect(Math.abs((tpot?.mean ?? 0) / mean(perToken) - 1)).toBeLessThanOrEqual(0.01)
  expect(Math.abs(measured('tpot', 0.5) / quantile(perToken, 0.5) - 1)).toBeLessThanOrEqual(0.01)
})
