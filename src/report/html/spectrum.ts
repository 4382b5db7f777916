/** The percentile spectrum: every percentile of every step's latency, as far as its samples reach. */
import type { Recording } from '../../recording/files.ts'
import { bucketsOf, quantileNs, type Histogram } from '../../recording/histogram.ts'
import type { RunStep } from '../../recording/run.ts'
import { findSeries } from '../../recording/series.ts'
import { duration, rate } from '../format.ts'
import { areaOf, emptyFigure, figureOf, halfWidth, polyline } from './chart.ts'
import { latencyScale, percentileScale } from './scale.ts'

const most = 8

export function percentileSpectrum(recording: Recording, stage: string): string {
  const title = 'Percentile spectrum of latency'
  const measured = recording.run.steps
    .filter((step) => step.stage === stage)
    .toSorted((a, b) => a.offered - b.offered)
    .flatMap((step) => {
      const histogram = findSeries(recording.series, step.id, stage, 'latency')?.histogram
      return histogram === undefined || histogram.count < 2 ? [] : [{ step, histogram }]
    })
  if (measured.length === 0)
    return emptyFigure(title, 'No request succeeded, or its latencies are not beside the run.')
  const shown = spreadOut(measured, most)
  const area = areaOf(halfWidth)
  const furthest = Math.max(...shown.map(({ histogram }) => histogram.count))
  const x = percentileScale(1 - 1 / furthest, [area.left, area.right])
  const curves = shown.map(({ step, histogram }, index) => ({
    step,
    histogram,
    points: curveOf(histogram),
    color: colorOf(index, shown.length),
  }))
  const y = latencyScale(
    curves.flatMap(({ points }) => points.map(([, ms]) => ms)),
    [area.bottom, area.top + 4],
  )
  return figureOf({
    title,
    description: `Latency at every percentile of ${shown.map(({ step }) => rate(step.offered)).join(', ')}.`,
    area,
    x: { scale: x, title: 'percentile', label: percentLabel },
    y: { scale: y, title: 'latency', label: duration },
    legend: curves.map(({ step, color }) => ({ label: legendLabel(step), color })),
    body: curves
      .map(({ step, points, color }) =>
        polyline(
          points.map(([share, ms]) => [x.at(share), y.at(ms)] as const),
          color,
          step.valid ? 'line' : 'line dashed',
        ),
      )
      .join(''),
    readOuts: x.ticks
      .filter((share) => share > 0)
      .map((share) => ({
        x: x.at(share),
        reach: 22,
        title: `p${percentLabel(share)}`,
        lines: curves.map(({ step, histogram }) => `${legendLabel(step)}: ${reading(histogram, share)}`),
      })),
  })
}

/** What fewer samples cannot tell is not read out. */
function reading(histogram: Histogram, share: number): string {
  const ns = 1 / (1 - share) > histogram.count ? null : quantileNs(histogram, share)
  return ns === null ? 'too few samples' : duration(ns / 1e6)
}

function legendLabel(step: RunStep): string {
  return `${rate(step.offered)}${step.valid ? '' : ' (not to be believed)'}`
}

function percentLabel(share: number): string {
  return String(Number((share * 100).toFixed(6)))
}

/** `[share at or below, ms]`, thinned to what can be seen; ends before the last sample, whose share is 1. */
function curveOf(histogram: Histogram): [number, number][] {
  const points: [number, number][] = []
  let seen = 0
  let lastNines = -1
  for (const [valueNs, count] of bucketsOf(histogram)) {
    const shareBelow = seen / histogram.count
    seen += count
    const nines = Math.log10(1 / Math.max(1e-12, 1 - shareBelow))
    if (nines - lastNines < 0.012 && seen < histogram.count) continue
    lastNines = nines
    points.push([shareBelow, valueNs / 1e6])
  }
  return points
}

/** The first, the last, and the rest evenly between them. */
function spreadOut<T>(list: readonly T[], most: number): T[] {
  if (list.length <= most) return [...list]
  const picked = Array.from({ length: most }, (_, index) =>
    Math.round((index * (list.length - 1)) / (most - 1)),
  )
  return list.filter((_, index) => picked.includes(index))
}

/** From cool to hot with the rate. */
function colorOf(index: number, count: number): string {
  const percent = count === 1 ? 0 : Math.round((index / (count - 1)) * 100)
  return `color-mix(in oklab, var(--hot) ${percent}%, var(--cool))`
}
