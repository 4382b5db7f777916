/** A rollout as people and programs read it. */
import { change, duration, figure, share } from '../../report/format.ts'
import type { Judgement, ReleaseRow } from './judge.ts'
import { type RolloutState, type StepRecord, phaseWords } from './state.ts'

type Row = StepRecord['rows'][number] | ReleaseRow

/** One line a look: `  after 38 s: cannot tell yet: latency.p95 +3 % (−12 % … +19 %)`. */
export function lookLine(
  { verdict, rows, moreSamples }: Judgement,
  elapsedMs: number,
  maxWaitMs: number,
): string {
  const after = `  after ${duration(elapsedMs)}:`
  if (verdict === 'as good') return `${after} as good: ${rows.map(changeWords).join(', ')}`
  if (verdict === 'worse') return `${after} worse: ${rows.filter(isWorse).map(changeWords).join(', ')}`
  const open = rows.filter((row) => row.verdict === 'cannot tell')
  const needed =
    moreSamples === null || elapsedMs >= maxWaitMs
      ? ''
      : `; about ${roughly(elapsedMs * (moreSamples - 1))} more would tell`
  return `${after} cannot tell yet: ${open.map(changeWords).join(', ')}${needed}`
}

/** It is an estimate of hours or of minutes: `29 h`. */
function roughly(ms: number): string {
  const [hour, minute] = [3_600_000, 60_000]
  if (ms >= 2 * hour) return `${Math.ceil(ms / hour)} h`
  if (ms >= 2 * minute) return `${Math.ceil(ms / minute)} min`
  return `${Math.ceil(ms / 1000)} s`
}

/** `latency.p95 +3 % (−12 % … +19 %)`; `(−12 % or more)` where nothing bounds it. */
export function changeWords(row: Row): string {
  const [low, high] = row.interval
  if (row.change === null) return `${row.metric} (too few samples)`
  const words = (value: number): string => (row.unit === 'ms' ? change(value) : points(value))
  const seen = `${row.metric} ${words(row.change)}`
  if (low === null) return high === null ? `${seen} (or anything)` : `${seen} (${words(high)} or less)`
  return high === null ? `${seen} (${words(low)} or more)` : `${seen} (${words(low)} … ${words(high)})`
}

/** Of a share: `+0.4 points`. */
function points(difference: number): string {
  const value = Math.abs(difference * 100)
  if (value < 0.005) return '±0 points'
  return `${difference > 0 ? '+' : '−'}${figure(value)} points`
}

/** What was worse, in figures. */
export function worstOf({ rows }: StepRecord): string {
  return rows
    .filter(isWorse)
    .map(
      (row) =>
        `${row.metric} ${amount(row, row.current)} → ${amount(row, row.next)}, ${changeWords(row).slice(row.metric.length + 1)}`,
    )
    .join('; ')
}

function isWorse({ verdict }: Row): boolean {
  return verdict === 'worse'
}

function amount({ unit }: Row, value: number | null): string {
  return unit === 'ms' ? duration(value) : share(value)
}

/** What came of it, or where it is, with every step's figures. */
export function rolloutText(state: RolloutState): string {
  const kind = state.kind === 'canary' ? 'canary' : 'blue-green rollout'
  const head = `${kind} of ${state.tier} to ${state.version}: ${phaseWords(state)}`
  const because = state.phase === 'ended' && state.because !== null ? [`  ${state.because}`] : []
  const run = state.run === null ? [] : [`  its load test: ragscale report ${state.run}`]
  return `${[head, ...because, ...run, ...state.records.flatMap(stepLines)].join('\n')}\n`
}

function stepLines({
  share: percent,
  verdict,
  seconds,
  requests,
  ratePerReplica,
  rows,
}: StepRecord): string[] {
  const head = `  at ${percent} %: ${verdict}, after ${seconds} s (${requests.current} and ${requests.next} requests, ${figure(ratePerReplica)}/s a replica)`
  const table = rows.map(
    (row) =>
      `    ${row.metric.padEnd(14)} ${amount(row, row.current).padStart(10)} → ${amount(row, row.next).padEnd(10)} ${changeWords(row).slice(row.metric.length + 1)}`,
  )
  return [head, ...table]
}

/** `ragscale.rollout/1` */
export function rolloutJson(stack: string, state: RolloutState | null, more: object = {}): string {
  if (state === null)
    return `${JSON.stringify({ schema: 'ragscale.rollout/1', stack, rollout: null, ...more })}\n`
  const { schema: _, file: _file, ...shown } = state
  return `${JSON.stringify({ schema: 'ragscale.rollout/1', stack, rollout: shown, ...more })}\n`
}
