import { describe, expect, it } from 'vitest'
import type { StepLine } from '../../../src/recording/load-lines.ts'
import { buildSteps } from '../../../src/recording/steps.ts'
import { judge } from '../../../src/recording/verdict.ts'
import { line, recorded, seriesMap, slo, spread } from './fixtures.ts'

const slos = [slo('embed.latency.p99', 100), slo('embed.errors', 0.01)]

interface Given {
  p99: number
  rate?: number
  failed?: number
  stage?: StepLine['stage']
  few?: boolean
}

/** Steps s1, s2 … with these P99s; `few` makes one invalid. */
function stepsOf(...given: Given[]) {
  const lines = given.map(({ rate, failed, stage, few }, index) =>
    line({
      step: `s${index + 1}`,
      stage: stage ?? 'embed',
      fromRate: rate ?? 50,
      toRate: rate ?? 50,
      failed: failed ?? 0,
      ...(few === true ? { scheduled: 200 } : {}),
    }),
  )
  const series = seriesMap(
    Object.fromEntries(
      given.map(({ p99, few }, index) => [
        `s${index + 1}.${lines[index]?.stage}.latency`,
        spread(few === true ? 200 : 1500, p99 / 2, p99 * 1.005),
      ]),
    ),
  )
  return buildSteps(recorded({ steps: lines, series }), { target: 'local', slos, cpuCoresAvailable: 2 })
}

function verdictOf(scenario: string, given: Given[], interrupted = false, stages = ['embed']) {
  return judge(stepsOf(...given), slos, { scenario, stages, interrupted })
}

describe('the verdict of a scenario in which every step counts', () => {
  it('passes when every step meets every SLO, and shows the worst step of each', () => {
    const judged = verdictOf('steady', [{ p99: 60 }, { p99: 80 }, { p99: 70 }])
    expect(judged.verdict).toBe('pass')
    expect(judged.slo).toMatchObject([
      { on: 'embed.latency.p99', step: 's2', ok: true },
      { on: 'embed.errors', actual: 0 },
    ])
  })

  it('fails when one step that may be believed breaks one SLO, and says which', () => {
    const judged = verdictOf('steady', [{ p99: 60 }, { p99: 120 }])
    expect(judged.verdict).toBe('fail')
    expect(judged.because).toEqual(['s2 breaks the SLO on embed.latency.p99'])
  })

  it('is invalid when a step may not be believed and no other settles it', () => {
    expect(verdictOf('steady', [{ p99: 60 }, { p99: 60, few: true }])).toMatchObject({
      verdict: 'invalid',
      because: ['s2 may not be believed: the SLO on embed.latency.p99 needs 300 samples, and there are 200'],
    })
    expect(verdictOf('steady', [{ p99: 120 }, { p99: 60, few: true }]).verdict).toBe('fail')
  })

  it('is invalid when a stage was not measured at all', () => {
    expect(verdictOf('steady', [], false, ['embed']).verdict).toBe('invalid')
    expect(verdictOf('steady', [{ p99: 60 }], false, ['embed', 'retrieve'])).toMatchObject({
      verdict: 'invalid',
      because: ['no step of stage retrieve was measured'],
    })
  })

  it('fails without any SLO when most requests failed', () => {
    const steps = buildSteps(recorded({ steps: [line({ failed: 800 })] }), {
      target: 'local',
      slos: [],
      cpuCoresAvailable: 2,
    })
    expect(judge(steps, [], { scenario: 'steady', stages: ['embed'], interrupted: false })).toEqual({
      slo: [],
      verdict: 'fail',
      because: ['53.3 % of the requests of s1 failed'],
    })
  })
})

describe('the verdict of a sweep or a breakpoint', () => {
  it('passes when one valid step meets every SLO, and shows the highest such rate', () => {
    const judged = verdictOf('sweep', [
      { p99: 20, rate: 10 },
      { p99: 60, rate: 20 },
      { p99: 500, rate: 40 },
    ])
    expect(judged).toMatchObject({ verdict: 'pass', because: [] })
    expect(judged.slo.map((row) => row.step)).toEqual(['s2', 's2'])
  })

  it('fails when even the lowest rate breaks an SLO', () => {
    expect(
      verdictOf('breakpoint', [
        { p99: 200, rate: 10 },
        { p99: 500, rate: 20, few: true },
      ]).verdict,
    ).toBe('fail')
  })

  it('is invalid when only a step that may not be believed could have passed', () => {
    expect(
      verdictOf('sweep', [
        { p99: 20, rate: 10, few: true },
        { p99: 500, rate: 20 },
      ]).verdict,
    ).toBe('invalid')
    expect(verdictOf('sweep', [{ p99: 20, rate: 10, few: true }]).verdict).toBe('invalid')
  })

  it('does not pass on a step whose failures make its percentile infinite', () => {
    expect(verdictOf('sweep', [{ p99: 20, failed: 100 }]).verdict).toBe('fail')
  })
})

it('is interrupted when the run was, whatever its steps say', () => {
  expect(verdictOf('steady', [{ p99: 120 }], true)).toMatchObject({
    verdict: 'interrupted',
    because: ['the run was interrupted', 's1 breaks the SLO on embed.latency.p99'],
  })
})

it('combines stages that ran one after another: the worst counts', () => {
  const judged = verdictOf('sweep', [{ p99: 20 }, { p99: 20, stage: 'retrieve' }], false, [
    'embed',
    'retrieve',
  ])
  expect(judged.verdict).toBe('pass')
})
