/** Plots over the time of a stage: latency and rates. */
import type { Recording } from '../../recording/files.ts'
import type { RunStep } from '../../recording/run.ts'
import { findSeries } from '../../recording/series.ts'
import { escapeMarkup } from '../escape.ts'
import { duration, figure, rate } from '../format.ts'
import {
  areaOf,
  emptyFigure,
  figureOf,
  halfWidth,
  limitLines,
  polyline,
  round,
  type Area,
  type Plot,
} from './chart.ts'
import { latencyScale, linearScale, timeScale, type Scale } from './scale.ts'
import { secondsOf, type Second } from './seconds.ts'
import { thinned } from './series-points.ts'

/** Steps of one stage with the time that its plots begin at. */
export interface StageTime {
  readonly stage: string
  readonly steps: readonly RunStep[]
  readonly originMs: number
  readonly seconds: number
}

export function stageTime(recording: Recording, stage: string): StageTime {
  const steps = recording.run.steps.filter((step) => step.stage === stage)
  const originMs = Math.min(...steps.map((step) => Date.parse(step.startedAt)))
  const endMs = Math.max(...steps.map((step) => Date.parse(step.windowStartedAt) + step.seconds * 1000))
  return { stage, steps, originMs, seconds: Math.max(1, (endMs - originMs) / 1000) }
}

/** `1:30` past a minute, else `45 s`. */
export function clock(seconds: number): string {
  if (seconds < 60) return `${figure(seconds)} s`
  const minutes = Math.floor(seconds / 60)
  return `${minutes}:${String(Math.round(seconds % 60)).padStart(2, '0')}`
}

export function timeAxis(time: StageTime, area: Area): Plot['x'] {
  const scale = timeScale(time.seconds, [area.left, area.right], area.width > 600 ? 12 : 6)
  return { scale, title: time.seconds < 60 ? 'time since start' : 'time since start, min:s', label: clock }
}

/** Every step's window as a band with its rate above it. */
export function stepBands(time: StageTime, x: Scale, area: Area): string {
  return time.steps
    .map((step, index) => {
      const from = x.at((Date.parse(step.windowStartedAt) - time.originMs) / 1000)
      const to = x.at((Date.parse(step.windowStartedAt) - time.originMs) / 1000 + step.seconds)
      const label =
        step.fromRate === step.toRate ? rate(step.toRate) : `${figure(step.fromRate)} → ${rate(step.toRate)}`
      const hasRoom = to - from > label.length * 6.2
      return `<rect class="band${index % 2 === 0 ? '' : ' other'}" x="${from}" y="${area.top}" width="${round(to - from)}" height="${area.bottom - area.top}"/>${hasRoom ? `<text class="band-label" x="${round((from + to) / 2)}" y="${area.top + 12}" text-anchor="middle">${escapeMarkup(label)}</text>` : ''}`
    })
    .join('')
}

export const percentileColors = { p50: 'var(--p50)', p95: 'var(--p95)', p99: 'var(--p99)' } as const

/** P50, P95 and P99 of each second. */
export function latencyOverTime(recording: Recording, time: StageTime, width: number): string {
  const area = areaOf(width, width > halfWidth ? 320 : 270)
  const perStep = time.steps.map((step) => {
    const series = findSeries(recording.series, step.id, time.stage, 'latency')
    const most = Math.max(20, Math.round((width / 4) * (step.seconds / time.seconds)))
    return { step, points: series === null ? [] : thinned(series, most) }
  })
  const points = perStep.flatMap((one) => one.points)
  const title = 'Latency over time'
  if (points.length === 0)
    return emptyFigure(title, 'No request succeeded, or its latencies are not beside the run.')
  const limit = recording.run.slo.find((row) => row.on === `${time.stage}.latency.p99`)?.limit
  const room = area.top + 18
  const y = latencyScale(
    [...points.flatMap((point) => [point.p50, point.p99]), ...(limit === undefined ? [] : [limit])],
    [area.bottom, room],
  )
  const x = timeAxis(time, area)
  const at = (atMs: number): number => x.scale.at((atMs - time.originMs) / 1000)
  const lines = (['p99', 'p95', 'p50'] as const).flatMap((name) =>
    perStep.map(({ points }) =>
      polyline(
        points.map((point) => [at(point.atMs), y.at(point[name])] as const),
        percentileColors[name],
      ),
    ),
  )
  return figureOf({
    title,
    description: `P50, P95 and P99 of each second of stage ${time.stage}; the highest P99 of a second is ${duration(Math.max(...points.map((point) => point.p99)))}.`,
    area,
    x,
    y: { scale: y, title: 'latency', label: duration },
    legend: (['p50', 'p95', 'p99'] as const).map((name) => ({
      label: `${name} of each second`,
      color: percentileColors[name],
    })),
    body: `${stepBands(time, x.scale, area)}${limitLines(area, limit === undefined ? [] : [{ y: y.at(limit), label: `SLO p99 ${duration(limit)}` }])}${lines.join('')}`,
    readOuts: perStep.flatMap(({ step, points }) =>
      points.map((point) => ({
        x: at(point.atMs),
        reach: 4,
        title: `${clock((point.atMs - time.originMs) / 1000)} · ${step.id} at ${rate(step.offered)}`,
        lines: [
          ...(['p50', 'p95', 'p99'] as const).map((name) => `${name} ${duration(point[name])}`),
          `${figure(point.count)} answers`,
        ],
      })),
    ),
  })
}

/** Arrivals, requests sent and answers in each second. */
export function ratesOverTime(recording: Recording, time: StageTime): string {
  const area = areaOf(halfWidth)
  const intervals = secondsOf(recording.intervals, time.stage, time.originMs, 120)
  const title = 'Offered, achieved and completed over time'
  if (intervals.length === 0) return emptyFigure(title, 'What happened in each second is not beside the run.')
  const x = timeAxis(time, area)
  const y = linearScale(Math.max(...intervals.flatMap((one) => [one.offered, one.completed])), [
    area.bottom,
    area.top + 18,
  ])
  const line = (pick: (one: Second) => number, color: string, className?: string): string =>
    polyline(
      intervals.map((one) => [x.scale.at(one.seconds), y.at(pick(one))] as const),
      color,
      className,
    )
  return figureOf({
    title,
    description: `Arrivals, requests sent and answers a second of stage ${time.stage}.`,
    area,
    x,
    y: { scale: y, title: 'a second', label: figure },
    legend: [
      { label: 'offered', color: 'var(--muted)', kind: 'dashed' },
      { label: 'achieved', color: 'var(--c1)' },
      { label: 'completed', color: 'var(--c4)' },
    ],
    body: `${stepBands(time, x.scale, area)}${line((one) => one.achieved, 'var(--c1)')}${line((one) => one.completed, 'var(--c4)')}${line((one) => one.offered, 'var(--muted)', 'line dashed')}`,
    readOuts: intervals.map((one) => ({
      x: x.scale.at(one.seconds),
      reach: 4,
      title: clock(one.seconds),
      lines: [
        `offered ${rate(one.offered)}`,
        `achieved ${rate(one.achieved)}`,
        `completed ${rate(one.completed)}`,
      ],
    })),
  })
}
