/**
 * Steps that ended in their warm-up, because most requests failed: they have no window, and so no numbers, and
 * yet they say that the system could not do it.
 */
import type { IntervalLine, StepLine } from './load-lines.ts'
import { overloadedGenerator } from './validity.ts'

export interface StoppedInWarmup {
  readonly stage: string
  /** In a sentence: which step, why, with which errors. */
  readonly because: string
  /** Why the generator, and not the system, may be at fault; empty when it was well. */
  readonly doubts: readonly string[]
}

export function stoppedInWarmup(
  steps: readonly StepLine[],
  intervals: readonly IntervalLine[],
  cpuCoresAvailable: number,
): StoppedInWarmup[] {
  return steps.flatMap((line) => {
    if (line.windowMs > 0 || line.stopped === null || line.stopped === 'interrupted') return []
    const index = intervals.findIndex(({ stage, step }) => stage === line.stage && step === line.step)
    const own = intervals.filter(({ stage, step }) => stage === line.stage && step === line.step)
    const last = own.filter(({ phase }) => phase === 'warmup').at(-1)
    const before = index > 0 ? (intervals[index - 1]?.cpuSeconds ?? 0) : 0
    // In less than a second the generator's own start is most of what it used.
    const cores =
      last === undefined || last.elapsedMs < 1000 ? 0 : (last.cpuSeconds - before) / (last.elapsedMs / 1000)
    const errors = errorsOf(own)
    return [
      {
        stage: line.stage,
        because: `${line.step} was stopped in its warm-up: ${line.stopped}${errors === '' ? '' : ` (${errors})`}`,
        doubts: overloadedGenerator(null, cores, cpuCoresAvailable),
      },
    ]
  })
}

/** `48 http_500, 2 timeout`, most frequent first. */
function errorsOf(intervals: readonly IntervalLine[]): string {
  const counts = new Map<string, number>()
  for (const { errors } of intervals) {
    for (const [label, count] of Object.entries(errors)) counts.set(label, (counts.get(label) ?? 0) + count)
  }
  return [...counts]
    .toSorted(([, a], [, b]) => b - a)
    .map(([label, count]) => `${count} ${label}`)
    .join(', ')
}
