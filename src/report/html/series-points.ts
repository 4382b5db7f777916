/** A long series as few points: neighbouring seconds are merged histogram by histogram, never averaged. */
import { mergeHistograms } from '../../recording/histogram.ts'
import { timeline, type Series, type SeriesInterval, type TimelinePoint } from '../../recording/series.ts'

/** At most `most` points; each is of as many whole seconds as that takes. */
export function thinned(series: Series, most: number): TimelinePoint[] {
  const perPoint = Math.max(1, Math.ceil(series.intervals.length / most))
  if (perPoint === 1) return timeline(series)
  const intervals: SeriesInterval[] = []
  for (let index = 0; index < series.intervals.length; index += perPoint) {
    const group = series.intervals.slice(index, index + perPoint)
    const [first] = group
    if (first === undefined) continue
    intervals.push({
      startMs: first.startMs,
      endMs: group.at(-1)?.endMs ?? first.endMs,
      histogram: mergeHistograms(group.map((one) => one.histogram)),
    })
  }
  return timeline({ ...series, intervals })
}
