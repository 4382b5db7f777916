/** CPU and memory of every tier over the time of a stage. */
import type { Recording } from '../../recording/files.ts'
import type { ReplicaSample } from '../../recording/resources.ts'
import { bytes, figure } from '../format.ts'
import { areaOf, emptyFigure, figureOf, halfWidth, polyline } from './chart.ts'
import { clock, stepBands, timeAxis, type StageTime } from './over-time.ts'
import { linearScale } from './scale.ts'

const colors = ['var(--c1)', 'var(--c2)', 'var(--c4)', 'var(--c3)', 'var(--c5)', 'var(--c6)']

export function cpuOverTime(recording: Recording, time: StageTime): string {
  return resourcePlot(recording, time, {
    title: 'CPU by tier',
    unit: 'cores, all replicas',
    pick: (sample) => sample.cpuCores,
    label: figure,
  })
}

export function memoryOverTime(recording: Recording, time: StageTime): string {
  return resourcePlot(recording, time, {
    title: 'Memory by tier',
    unit: 'all replicas',
    pick: (sample) => sample.memoryBytes,
    label: bytes,
  })
}

interface Resource {
  readonly title: string
  readonly unit: string
  readonly pick: (sample: ReplicaSample) => number | null
  readonly label: (value: number) => string
}

function resourcePlot(recording: Recording, time: StageTime, resource: Resource): string {
  const tiers = tierLines(recording, time, resource.pick)
  if (tiers.length === 0)
    return emptyFigure(resource.title, `The target ${recording.run.target} sampled none.`)
  const area = areaOf(halfWidth)
  const x = timeAxis(time, area)
  const y = linearScale(Math.max(...tiers.flatMap(({ points }) => points.map(([, value]) => value))), [
    area.bottom,
    area.top + 18,
  ])
  const instants = tiers.reduce(
    (longest, { points }) => (points.length > longest.length ? points : longest),
    tiers[0]?.points ?? [],
  )
  return figureOf({
    title: resource.title,
    description: `${resource.title} while stage ${time.stage} was loaded.`,
    area,
    x,
    y: { scale: y, title: resource.unit, label: resource.label },
    legend: tiers.map(({ tier }, index) => ({ label: tier, color: colors[index % colors.length] ?? '' })),
    body: `${stepBands(time, x.scale, area)}${tiers
      .map(({ points }, index) =>
        polyline(
          points.map(([seconds, value]) => [x.scale.at(seconds), y.at(value)] as const),
          colors[index % colors.length] ?? '',
        ),
      )
      .join('')}`,
    readOuts: instants.map(([seconds]) => ({
      x: x.scale.at(seconds),
      reach: 4,
      title: clock(seconds),
      lines: tiers.flatMap(({ tier, points }) => {
        const value = points.find(([at]) => at === seconds)?.[1]
        return value === undefined ? [] : [`${tier} ${resource.label(value)}`]
      }),
    })),
  })
}

interface TierLine {
  readonly tier: string
  /** `[seconds, value summed over the replicas]`. */
  readonly points: [number, number][]
}

/** A point every few seconds: of each replica its mean there, summed over the replicas. */
function tierLines(recording: Recording, time: StageTime, pick: Resource['pick']): TierLine[] {
  const slot = Math.max(1, Math.ceil(time.seconds / 100))
  const own = recording.resources.filter(
    (sample): sample is ReplicaSample =>
      'tier' in sample && sample.at >= time.originMs && sample.at <= time.originMs + time.seconds * 1000,
  )
  return [...Map.groupBy(own, (sample) => sample.tier)].flatMap(([tier, samples]) => {
    const slots = Map.groupBy(samples, (sample) => Math.floor((sample.at - time.originMs) / 1000 / slot))
    const points = [...slots].flatMap(([index, list]): [number, number][] => {
      const total = sumOfMeans(list, pick)
      return total === null ? [] : [[Math.min(time.seconds, (index + 0.5) * slot), total]]
    })
    return points.length === 0 ? [] : [{ tier, points: points.toSorted(([a], [b]) => a - b) }]
  })
}

function sumOfMeans(samples: readonly ReplicaSample[], pick: Resource['pick']): number | null {
  let total: number | null = null
  for (const list of Map.groupBy(samples, (sample) => sample.replica).values()) {
    const known = list.map(pick).filter((value) => value !== null)
    if (known.length > 0) total = (total ?? 0) + known.reduce((sum, value) => sum + value, 0) / known.length
  }
  return total
}
