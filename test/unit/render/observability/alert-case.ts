/** When an alert must fire and when it must not, as series that promtool is given. */
import type { RenderTarget } from '../../../../src/render/topology.ts'
import type { Variant } from './stacks.ts'

/** Selector → values in promtool's notation, one a minute: `0+60x30` rises by 60 each minute, 31 values. */
export type Series = Readonly<Record<string, string>>

export interface AlertCase {
  readonly alert: string
  /** What singles out one of several rules of that name: `slo="pipeline.errors"`. */
  readonly only?: string
  readonly target?: RenderTarget
  readonly variant?: Variant
  /** With these it must fire at `at`, and must not have fired at `notAt`. */
  readonly over: Series
  /** With these, just short of it, it must not fire at `at`. */
  readonly under: Series
  readonly at: string
  readonly notAt?: string
}

/** A counter that rises by `perSecond`, from the first minute to the last. */
export function rising(perSecond: number, minutes = 90): string {
  return `0+${perSecond * 60}x${minutes}`
}

/** The same value all the time. */
export function steady(value: number, minutes = 90): string {
  return `${value}x${minutes}`
}
