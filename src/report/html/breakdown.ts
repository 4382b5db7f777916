/** Where a query's time goes: each stage's spread, side by side. P99s are never added, so nothing is stacked. */
import type { RunStep } from '../../recording/run.ts'
import { escapeMarkup } from '../escape.ts'
import { duration, rate } from '../format.ts'
import { spanNames } from '../run-words.ts'
import { areaOf, figureOf, halfWidth, round } from './chart.ts'
import { latencyScale } from './scale.ts'

export function stageBreakdown(step: RunStep): string {
  const spans = ['latency', ...spanNames].flatMap((name) => {
    const summary = step.metrics[name]
    return summary === undefined ? [] : [{ name: name === 'latency' ? 'whole query' : name, summary }]
  })
  if (spans.length < 2) return ''
  const rowHeight = 32
  const area = { ...areaOf(halfWidth, 60 + rowHeight * spans.length), left: 96 }
  const x = latencyScale(
    spans.flatMap(({ summary }) => [summary.p50, summary.p99 ?? summary.max]),
    [area.left, area.right - 8],
    true,
  )
  const rows = spans.map(({ name, summary }, index) => {
    const y = area.top + rowHeight * (index + 0.5)
    const end = summary.p99 ?? summary.max
    const color = name === 'whole query' ? 'var(--muted)' : 'var(--c1)'
    return `<text x="${area.left - 9}" y="${y + 4}" text-anchor="end">${escapeMarkup(name)}</text>
<path class="spread" style="stroke:${color}" d="M${x.at(summary.p50)} ${y}H${x.at(end)}"/>
<circle cx="${x.at(summary.p50)}" cy="${y}" r="4.5" style="fill:var(--p50)"/><circle cx="${x.at(summary.p95)}" cy="${y}" r="3.5" style="fill:var(--p95)"/><circle cx="${x.at(end)}" cy="${y}" r="4.5" style="fill:var(--p99)"/>`
  })
  return figureOf({
    title: `Where the time goes, ${step.id} at ${rate(step.offered)}`,
    description: spans
      .map(
        ({ name, summary }) =>
          `${name}: p50 ${duration(summary.p50)}, p95 ${duration(summary.p95)}, p99 ${duration(summary.p99)}`,
      )
      .join('. '),
    area,
    x: { scale: x, title: 'time in the stage', label: duration },
    y: { scale: { at: () => round(area.bottom), ticks: [] }, title: '', label: String },
    legend: [
      { label: 'p50', color: 'var(--p50)' },
      { label: 'p95', color: 'var(--p95)' },
      {
        label: spans.every(({ summary }) => summary.p99 !== null) ? 'p99' : 'p99, or the slowest of few',
        color: 'var(--p99)',
      },
    ],
    body: rows.join(''),
  })
}
