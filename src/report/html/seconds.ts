/** Interval lines as rates a second. */
import type { IntervalLine } from '../../recording/load-lines.ts'

export interface Second {
  /** Since the stage began, at its end. */
  readonly seconds: number
  readonly length: number
  readonly offered: number
  readonly achieved: number
  readonly completed: number
  /** A second, by label. */
  readonly errors: Readonly<Record<string, number>>
}

/** At most about `most`: where there are more intervals, neighbours within a step are added up. */
export function secondsOf(
  intervals: readonly IntervalLine[],
  stage: string,
  originMs: number,
  most: number,
): Second[] {
  const own = intervals.filter((one) => one.stage === stage && one.at >= originMs)
  const wanted = Math.max(1, Math.ceil(own.length / most))
  return [...Map.groupBy(own, (one) => one.step).values()].flatMap((step) => ofStep(step, originMs, wanted))
}

function ofStep(intervals: readonly IntervalLine[], originMs: number, wanted: number): Second[] {
  const result: Second[] = []
  let group: IntervalLine[] = []
  let before = 0
  for (const one of intervals) {
    group.push(one)
    const length = (one.elapsedMs - before) / 1000
    // An interval ends where a phase does: a sliver of one says nothing of a rate, and joins the next.
    if (group.length < wanted || length < 0.25) continue
    result.push(secondOf(group, length, (one.at - originMs) / 1000))
    before = one.elapsedMs
    group = []
  }
  return result
}

function secondOf(group: readonly IntervalLine[], length: number, seconds: number): Second {
  const sum = (pick: (one: IntervalLine) => number): number =>
    group.reduce((total, one) => total + pick(one), 0) / length
  const errors: Record<string, number> = {}
  for (const one of group) {
    for (const [label, count] of Object.entries(one.errors))
      errors[label] = (errors[label] ?? 0) + count / length
  }
  return {
    seconds,
    length,
    offered: sum((one) => one.scheduled),
    achieved: sum((one) => one.sent),
    completed: sum((one) => one.succeeded),
    errors,
  }
}
