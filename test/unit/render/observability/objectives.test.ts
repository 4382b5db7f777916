import { describe, expect, test } from 'vitest'
import { parse, parseDocument } from 'yaml'
import { objectivesOf } from '../../../../src/render/observability/objectives.ts'
import { burnAlerts } from '../../../../src/render/observability/rules/windows.ts'
import { upTo } from '../../../../src/render/observability/scope.ts'
import { topologyOf } from '../../../../src/render/workloads.ts'
import { watchedStages } from '../../../../src/render/observability/stages.ts'
import type { Slo, Stack } from '../../../../src/stack/stack.ts'
import { fileOf, rendered, variantStack, watched } from './stacks.ts'

function slo(on: string, limit: number): Slo {
  const [stage = '', metric = '', percentile = null] = on.split('.')
  return { on, stage, metric, percentile, limit, unit: metric === 'errors' ? 'ratio' : 'ms' } as Slo
}

function held(limits: readonly Slo[], stack: Stack = variantStack('everything')) {
  const about = watched({ ...stack, slo: limits }, 'compose')
  return objectivesOf(about, watchedStages(about))
}

describe('an SLO, as Prometheus holds it', () => {
  test('of a percentile is a share of requests within the limit, where a bucket ends there', () => {
    const [objective] = held([slo('pipeline.latency.p95', 5_000)]).objectives
    expect(objective?.budget).toBe(0.05)
    expect(objective?.bad).toContain('le=~"5(\\\\.0)?"')
    expect(objective?.because).toContain('a bucket of ragscale_gateway_request_duration_seconds ends there')
  })

  test('of the gateway always has its bucket: the gateway is told to count there', () => {
    const limits = [slo('pipeline.latency.p99', 7_000), slo('rerank.latency.p99', 200)]
    const { objectives } = held(limits)
    expect(objectives.map(({ bad }) => /le=~?"([^"]+)"/.exec(bad)?.[1])).toEqual(['7(\\\\.0)?', '0.2'])
    const stack = { ...variantStack('everything'), slo: limits }
    const gateway = topologyOf(stack, 'compose').workloads.find(({ name }) => name === 'gateway')
    expect(JSON.parse(gateway?.container.files[0]?.text ?? '')).toMatchObject({ bucketsMs: [200, 7_000] })
  })

  test('takes the next bucket above where none ends at the limit, and says what it is blind to', () => {
    const [objective] = held([slo('generate.ttft.p99', 1_200)]).objectives
    expect(objective?.budget).toBe(0.01)
    expect(objective?.bad).toContain('le="2.5"')
    expect(objective?.because).toContain(
      'ends at 1.2 s: this counts from the next one, 2.5 s, and is blind to what lies between',
    )
    expect(objective?.badIs).toBe('slower than 2.5 s, the first bucket beyond 1.2 s, or failed')
  })

  test('is not watched, and says so, where it is beyond the last bucket', () => {
    const { objectives, unwatched } = held([slo('ingest.latency.p99', 90_000)])
    expect(objectives).toEqual([])
    expect(unwatched[0]?.because).toContain('beyond the last bucket')
  })

  test('is not watched, and says so, where no server tells the metric', () => {
    expect(held([slo('pipeline.ttfo.p95', 1_000)]).unwatched[0]?.because).toContain(
      'no server here tells ttfo',
    )
    const tgi = held([slo('generate.ttft.p95', 1_000)], variantStack('tgi'))
    expect(tgi.unwatched[0]?.because).toContain('no server here tells ttft')
  })

  test('of what only the model server can tell is counted there', () => {
    const { objectives } = held([
      slo('generate.ttft.p95', 1_000),
      slo('generate.tpot.p95', 50),
      slo('generate.itl_gap.p99', 200),
    ])
    expect(objectives.map(({ bad }) => /vllm:(\w+)_bucket/.exec(bad)?.[1])).toEqual([
      'time_to_first_token_seconds',
      'request_time_per_output_token_seconds',
      'inter_token_latency_seconds',
    ])
  })

  test('of errors is their share, with the SLO as the budget', () => {
    const [objective] = held([slo('pipeline.errors', 0.001)]).objectives
    expect(objective?.budget).toBe(0.001)
  })

  test('that allows no error at all has no budget to spend', () => {
    expect(held([slo('pipeline.errors', 0)]).unwatched[0]?.because).toContain('no failure allowed')
  })

  test('that is not watched is named in the rules file', async () => {
    const stack = {
      ...variantStack('everything'),
      slo: [slo('pipeline.ttfo.p95', 1_000), slo('pipeline.errors', 0.01)],
    }
    const text = fileOf(await rendered(stack, 'compose'), 'rules/recording.yaml')
    expect(text.replaceAll(/\s*#\s*/g, ' ')).toContain(
      'pipeline.ttfo.p95 is not watched: no server here tells ttfo.',
    )
  })
})

describe('burn-rate alerts', () => {
  test('are the four of the Site Reliability Workbook for a budget of 0.1 %', () => {
    expect(
      burnAlerts({ budget: 0.001 }).map(({ long, short, above, severity }) => [long, short, above, severity]),
    ).toEqual([
      ['1h', '5m', 0.0144, 'critical'],
      ['6h', '30m', 0.006, 'critical'],
      ['1d', '2h', 0.003, 'warning'],
      ['3d', '6h', 0.001, 'warning'],
    ])
  })

  test('ask for no more than nearly everything where the budget is large, and not twice for the same', () => {
    expect(burnAlerts({ budget: 0.1 }).map(({ long, above }) => [long, above])).toEqual([
      ['1h', 0.95],
      ['6h', 0.6],
      ['1d', 0.3],
      ['3d', 0.1],
    ])
    expect(burnAlerts({ budget: 0.5 }).map(({ long, above }) => [long, above])).toEqual([
      ['1h', 0.95],
      ['3d', 0.5],
    ])
  })
})

describe('a bucket', () => {
  test('is matched as Prometheus 2 keeps it and as Prometheus 3 does', () => {
    const written = upTo(1)
      .replace(/^le=~"(.*)"$/, '$1')
      .replaceAll('\\\\', '\\')
    expect(['1', '1.0'].every((le) => new RegExp(`^(?:${written})$`).test(le))).toBe(true)
    expect(['10', '1.5', '100'].some((le) => new RegExp(`^(?:${written})$`).test(le))).toBe(false)
    expect(upTo(0.25)).toBe('le="0.25"')
  })
})

describe('rules', () => {
  test('say where their numbers come from, and are the same YAML without the comments', async () => {
    const text = fileOf(await rendered(variantStack('everything'), 'compose'), 'rules/alerts.yaml')
    const document = parseDocument(text)
    expect(document.errors).toEqual([])
    expect(text).toContain('# limits.budget: 8000 USD a month')
    expect(text).toContain('# 14.4 × the error budget of 5 %.')
    expect(parse(text)).toEqual(document.toJS())
  })
})
