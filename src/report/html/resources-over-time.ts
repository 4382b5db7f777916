/** CPU and memory of every tier over the time of a stage. */
import type { Recording } from '../../recording/files.ts'
import type { ReplicaSample } from '../../recording/resources.ts'
import { bytes, figure, share } from '../format.ts'
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

/** Nothing where no replica has a GPU that tells of itself. */
export function gpuOverTime(recording: Recording, time: StageTime): string {
  return resourcePlot(recording, time, {
    title: 'GPU by tier',
    unit: 'share of the time, mean of the replicas',
    pick: (sample) => sample.gpuUtilization,
    label: share,
    join: 'mean',
    orElse: '',
  })
}

interface Resource {
  readonly title: string
  readonly unit: string
  readonly pick: (sample: ReplicaSample) => number | null
  readonly label: (value: number) => string
  /** Over the replicas; default: their sum. */
  readonly join?: 'sum' | 'mean'
  /** In place of the plot where nothing was sampled; default: a sentence that says so. */
  readonly orElse?: string
}

function resourcePlot(recording: Recording, time: StageTime, resource: Resource): string {
  const tiers = tierLines(recording, time, resource)
  if (tiers.length === 0)
    return resource.orElse ?? emptyFigure(resource.title, `The target ${recording.run.target} sampled none.`)
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
  /** `[seconds, value over the replicas]`. */
  readonly points: [number, number][]
}

/** A point every few seconds: of each replica its mean there, joined over the replicas. */
function tierLines(recording: Recording, time: StageTime, { pick, join }: Resource): TierLine[] {
  const slot = Math.max(1, Math.ceil(time.seconds / 100))
  const own = recording.resources.filter(
    (sample): sample is ReplicaSample =>
      'tier' in sample && sample.at >= time.originMs && sample.at <= time.originMs + time.seconds * 1000,
  )
  return [...Map.groupBy(own, (sample) => sample.tier)].flatMap(([tier, samples]) => {
    const slots = Map.groupBy(samples, (sample) => Math.floor((sample.at - time.originMs) / 1000 / slot))
    const points = [...slots].flatMap(([index, list]): [number, number][] => {
      const total = joinedMeans(list, pick, join)
      return total === null ? [] : [[Math.min(time.seconds, (index + 0.5) * slot), total]]
    })
    return points.length === 0 ? [] : [{ tier, points: points.toSorted(([a], [b]) => a - b) }]
  })
}

function joinedMeans(
  samples: readonly ReplicaSample[],
  pick: Resource['pick'],
  join: Resource['join'] = 'sum',
): number | null {
  const means = [...Map.groupBy(samples, (sample) => sample.replica).values()].flatMap((list) => {
    const known = list.map(pick).filter((value) => value !== null)
    return known.length === 0 ? [] : [known.reduce((sum, value) => sum + value, 0) / known.length]
  })
  if (means.length === 0) return null
  const total = means.reduce((sum, value) => sum + value, 0)
  return join === 'sum' ? total : total / means.length
}
