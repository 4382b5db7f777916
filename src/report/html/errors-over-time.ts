/** Failures over the time of a stage. */
import type { Recording } from '../../recording/files.ts'
import { figure, rate } from '../format.ts'
import { areaOf, emptyFigure, figureOf, halfWidth, round } from './chart.ts'
import { clock, stepBands, timeAxis, type StageTime } from './over-time.ts'
import { linearScale } from './scale.ts'
import { secondsOf, type Second } from './seconds.ts'

const errorColors = ['var(--c3)', 'var(--c2)', 'var(--c5)', 'var(--c1)', 'var(--c6)']

/** Failures of each second, stacked by label. */
export function errorsOverTime(recording: Recording, time: StageTime): string {
  const title = 'Errors over time'
  const area = areaOf(halfWidth)
  const intervals = secondsOf(recording.intervals, time.stage, time.originMs, 120)
  const totals = new Map<string, number>()
  for (const one of intervals)
    for (const [label, count] of Object.entries(one.errors))
      totals.set(label, (totals.get(label) ?? 0) + count)
  if (totals.size === 0) return emptyFigure(title, 'No request failed.')
  const ranked = [...totals].toSorted(([, a], [, b]) => b - a).map(([label]) => label)
  const named = ranked.length > 5 ? ranked.slice(0, 4) : ranked
  const labels = ranked.length > 5 ? [...named, 'others'] : named
  const countOf = (one: Second, label: string): number =>
    label === 'others'
      ? Object.entries(one.errors).reduce(
          (sum, [name, count]) => (named.includes(name) ? sum : sum + count),
          0,
        )
      : (one.errors[label] ?? 0)
  const x = timeAxis(time, area)
  const y = linearScale(
    Math.max(...intervals.map((one) => labels.reduce((sum, label) => sum + countOf(one, label), 0))),
    [area.bottom, area.top + 18],
  )
  const barWidth = Math.max(
    1.5,
    ((area.right - area.left) / Math.max(1, time.seconds)) * (intervals[0]?.length ?? 1) * 0.8,
  )
  const bars = intervals.map((one) => {
    let below = 0
    return labels
      .map((label, index) => {
        const count = countOf(one, label)
        if (count === 0) return ''
        const bottom = y.at(below)
        below += count
        const left = Math.min(area.right - barWidth, Math.max(area.left, x.scale.at(one.seconds) - barWidth))
        return `<rect x="${round(left)}" y="${y.at(below)}" width="${round(barWidth)}" height="${round(bottom - y.at(below))}" style="fill:${errorColors[index] ?? 'var(--muted)'}"/>`
      })
      .join('')
  })
  return figureOf({
    title,
    description: `Failed requests a second of stage ${time.stage}, by label: ${[...totals].map(([label, count]) => `${figure(count)} ${label}`).join(', ')}.`,
    area,
    x,
    y: { scale: y, title: 'failures a second', label: figure },
    legend: labels.map((label, index) => ({
      label,
      color: errorColors[index] ?? 'var(--muted)',
      kind: 'area',
    })),
    body: `${stepBands(time, x.scale, area)}${bars.join('')}`,
    readOuts: intervals
      .filter((one) => Object.keys(one.errors).length > 0)
      .map((one) => ({
        x: x.scale.at(one.seconds) - barWidth / 2,
        reach: Math.max(3, barWidth / 2),
        title: clock(one.seconds),
        lines: Object.entries(one.errors).map(([label, count]) => `${label} ${rate(count)}`),
      })),
  })
}
