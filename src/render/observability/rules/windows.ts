/**
 * Multi-window, multi-burn-rate alerting (Site Reliability Workbook, chapter 5, table 5-8,
 * https://sre.google/workbook/alerting-on-slos/): an alert needs a long window, so that a blip does not raise it, and
 * a short one of a twelfth, so that it ends soon after the trouble does.
 */
import type { Objective } from '../objectives.ts'

export const windows = ['5m', '30m', '1h', '2h', '6h', '1d', '3d'] as const
export type Window = (typeof windows)[number]

export interface BurnAlert {
  readonly long: Window
  readonly short: Window
  /** Share of bad requests above which it fires. */
  readonly above: number
  /** That the factor would ask for more bad requests than there are: then it stands for nearly all of them. */
  readonly nearlyAll: boolean
  /** Times the budget's own pace. */
  readonly factor: number
  readonly severity: 'warning' | 'critical'
  /** How fast the budget of 30 days goes, for a reader. */
  readonly spends: string
}

const table: readonly Omit<BurnAlert, 'above' | 'nearlyAll'>[] = [
  {
    long: '1h',
    short: '5m',
    factor: 14.4,
    severity: 'critical',
    spends: '2 % of a 30 day budget in an hour',
  },
  {
    long: '6h',
    short: '30m',
    factor: 6,
    severity: 'critical',
    spends: '5 % of a 30 day budget in six hours',
  },
  { long: '1d', short: '2h', factor: 3, severity: 'warning', spends: '10 % of a 30 day budget in a day' },
  {
    long: '3d',
    short: '6h',
    factor: 1,
    severity: 'warning',
    spends: '10 % of a 30 day budget in three days',
  },
]

const mostOfAll = 0.95

/**
 * The alerts of an objective, fastest first. A large budget (a P50's half) cannot be spent 14.4 times too fast: such
 * alerts fire when nearly all requests are bad, and only the fastest of them is kept.
 */
export function burnAlerts({ budget }: Pick<Objective, 'budget'>): readonly BurnAlert[] {
  const all = table.map((row) => ({
    ...row,
    above: Number(Math.min(mostOfAll, row.factor * budget).toPrecision(6)),
    nearlyAll: row.factor * budget > mostOfAll,
  }))
  return all.filter((one, index) => index === 0 || one.above < all[index - 1]!.above)
}

/** Seconds of a window. */
export function secondsOf(window: Window): number {
  const seconds = { m: 60, h: 3_600, d: 86_400 }
  return Number(window.slice(0, -1)) * seconds[window.slice(-1) as 'm' | 'h' | 'd']
}
