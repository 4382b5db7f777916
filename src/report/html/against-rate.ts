/** Plots against the rate of a sweep's steps: latency with the knee, and what was achieved. */
import type { MetricSummary } from '../../recording/metrics.ts'
import type { Run, RunStep } from '../../recording/run.ts'
import { duration, figure, rate } from '../format.ts'
import { metricTitles, stepFlags } from '../run-words.ts'
import {
  areaOf,
  figureOf,
  halfWidth,
  limitLines,
  polyline,
  round,
  trianglePath,
  type Area,
  type LegendEntry,
  type ReadOut,
} from './chart.ts'
import { percentileColors } from './over-time.ts'
import { latencyScale, linearScale, type Scale } from './scale.ts'

type Name = 'p50' | 'p95' | 'p99'
const names: readonly Name[] = ['p50', 'p95', 'p99']

/** One metric's percentiles by the rate that was offered; empty with fewer than two steps. */
export function latencyAgainstRate(run: Run, stage: string, metric: string): string {
  const steps = byRate(run, stage).filter((step) => step.metrics[metric] !== undefined)
  if (steps.length < 2) return ''
  const area = areaOf(halfWidth)
  const x = linearScale(Math.max(...steps.map((step) => step.offered)), [area.left, area.right])
  const limits = run.slo.filter((row) => isOn(row.on, stage, metric))
  const values = steps.flatMap((step) =>
    names.map((name) => valueOf(step.metrics[metric], name)).filter((value) => value !== null),
  )
  const y = latencyScale([...values, ...limits.map((row) => row.limit)], [area.bottom, area.top + 4])
  const knee = kneeBetween(steps)
  const lines = names.toReversed().map((name) => {
    const points = steps.flatMap((step) => {
      const value = valueOf(step.metrics[metric], name)
      return value === null ? [] : [{ step, at: [x.at(step.offered), y.at(value)] as const }]
    })
    const believed = points.filter(({ step }) => step.valid).map(({ at }) => at)
    const color = percentileColors[name]
    return `${believed.length > 1 ? polyline(believed, color) : ''}${points.map(({ step, at }) => marker(step, at, color)).join('')}`
  })
  const title = metricTitles[metric] ?? metric
  return figureOf({
    title: `${title} against rate`,
    description: `${title} by the rate offered. ${knee.sentence}`,
    area,
    x: { scale: x, title: 'offered, a second', label: figure },
    y: { scale: y, title: title.toLowerCase(), label: duration },
    legend: [
      ...names.map((name): LegendEntry => ({ label: name, color: percentileColors[name] })),
      ...(steps.some((step) => step.saturated)
        ? [{ label: 'saturated', color: 'var(--muted)', kind: 'triangle' } as const]
        : []),
      ...(steps.some((step) => !step.valid)
        ? [{ label: 'not to be believed', color: 'var(--muted)', kind: 'hollow' } as const]
        : []),
    ],
    body: `${kneeBand(knee, x, area)}${limitLines(
      area,
      limits.map((row) => ({
        y: y.at(row.limit),
        label: `SLO ${row.on.split('.').at(-1) ?? ''} ${duration(row.limit)}`,
      })),
    )}${lines.join('')}`,
    readOuts: steps.map((step) =>
      stepReadOut(step, x, area, steps.length, [
        ...names.map((name) => `${name} ${duration(valueOf(step.metrics[metric], name))}`),
        ...stepFlags(step),
      ]),
    ),
  })
}

/** Achieved, completed and good by offered: on the diagonal the system keeps up. */
export function achievedAgainstOffered(run: Run, stage: string): string {
  const steps = byRate(run, stage)
  if (steps.length < 2) return ''
  const area = areaOf(halfWidth)
  const max = Math.max(...steps.map((step) => step.offered))
  const x = linearScale(max, [area.left, area.right])
  const y = linearScale(max, [area.bottom, area.top + 4])
  const lines = (
    [
      ['achieved', 'var(--c1)'],
      ['completed', 'var(--c4)'],
      ['goodput', 'var(--c5)'],
    ] as const
  ).map(([field, color]) => {
    const points = steps.map((step) => [x.at(step.offered), y.at(step[field])] as const)
    return `${polyline(points, color)}${steps.map((step, index) => marker(step, points[index] ?? [0, 0], color)).join('')}`
  })
  return figureOf({
    title: 'Achieved against offered',
    description: 'Requests sent, answered, and answered within every limit, by the rate offered.',
    area,
    x: { scale: x, title: 'offered, a second', label: figure },
    y: { scale: y, title: 'a second', label: figure },
    legend: [
      { label: 'keeping up', color: 'var(--muted)', kind: 'dashed' },
      { label: 'achieved', color: 'var(--c1)' },
      { label: 'completed', color: 'var(--c4)' },
      { label: 'goodput', color: 'var(--c5)' },
    ],
    body: `<path class="line dashed" style="stroke:var(--muted)" d="M${x.at(0)} ${y.at(0)}L${x.at(max)} ${y.at(max)}"/>${lines.join('')}`,
    readOuts: steps.map((step) =>
      stepReadOut(step, x, area, steps.length, [
        `achieved ${rate(step.achieved)}`,
        `completed ${rate(step.completed)}`,
        `goodput ${rate(step.goodput)}`,
      ]),
    ),
  })
}

interface Knee {
  /** Rates between which it lies; null when no step was saturated. */
  readonly between: readonly [number, number] | null
  readonly sentence: string
}

/** Between the highest rate that was held and the lowest that was not: the data say no more. */
export function kneeBetween(steps: readonly RunStep[]): Knee {
  const believed = steps.filter((step) => step.valid)
  const saturated = Math.min(...believed.filter((step) => step.saturated).map((step) => step.offered))
  if (!Number.isFinite(saturated)) {
    const highest = Math.max(0, ...believed.map((step) => step.offered))
    return { between: null, sentence: `No step was saturated: the knee lies beyond ${rate(highest)}.` }
  }
  const held = Math.max(
    0,
    ...believed.filter((step) => !step.saturated && step.offered < saturated).map((step) => step.offered),
  )
  return {
    between: [held, saturated],
    sentence: `The knee lies between ${rate(held)} and ${rate(saturated)}.`,
  }
}

function kneeBand({ between }: Knee, x: Scale, area: Area): string {
  if (between === null) return ''
  const [from, to] = [x.at(between[0]), x.at(between[1])]
  const label =
    to - from > 34
      ? `<text class="band-label" x="${round((from + to) / 2)}" y="${area.bottom - 6}" text-anchor="middle">knee</text>`
      : ''
  return `<rect class="knee" x="${from}" y="${area.top}" width="${round(to - from)}" height="${area.bottom - area.top}"/>${label}`
}

/** Filled where the step may be believed, a triangle where it was saturated, hollow where it may not. */
function marker(step: RunStep, [x, y]: readonly [number, number], color: string): string {
  if (!step.valid)
    return `<circle cx="${round(x)}" cy="${round(y)}" r="3.5" class="hollow" style="stroke:${color}"/>`
  if (step.saturated) return `<path d="${trianglePath(x, y)}" style="fill:${color}"/>`
  return `<circle cx="${round(x)}" cy="${round(y)}" r="3" style="fill:${color}"/>`
}

function stepReadOut(step: RunStep, x: Scale, area: Area, steps: number, lines: string[]): ReadOut {
  return {
    x: x.at(step.offered),
    reach: Math.max(6, (area.right - area.left) / steps / 2.5),
    title: `${step.id} · ${rate(step.offered)}`,
    lines,
  }
}

function byRate(run: Run, stage: string): RunStep[] {
  return run.steps.filter((step) => step.stage === stage).toSorted((a, b) => a.offered - b.offered)
}

function valueOf(summary: MetricSummary | undefined, name: Name): number | null {
  return summary === undefined ? null : summary[name]
}

/** In stage `pipeline` a limit on `ttft` is one on `rag_ttft`. */
function isOn(on: string, stage: string, metric: string): boolean {
  const names = stage === 'pipeline' && metric === 'rag_ttft' ? ['rag_ttft', 'ttft'] : [metric]
  return names.some((name) => on.startsWith(`${stage}.${name}.`))
}
