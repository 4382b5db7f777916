/** From values to places on an axis, with ticks at round values. */

export interface Scale {
  /** Where a value lies, in the drawing's units. */
  at(value: number): number
  readonly ticks: readonly number[]
}

export type Range = readonly [from: number, to: number]

/** From zero, or from `from`, to at least `max`, in 4 to 7 round ticks. */
export function linearScale(max: number, range: Range, from = 0): Scale {
  const span = max - from > 1e-9 ? max - from : 1
  const step = roundStep(span / 5)
  const last = Math.ceil(span / step - 1e-9)
  const top = from + last * step
  return {
    at: (value) => between(range, (value - from) / (top - from)),
    ticks: Array.from({ length: last + 1 }, (_, index) => Number((from + index * step).toPrecision(12))),
  }
}

/** Powers of ten, with steps between them where there is room; values at or below zero lie at the bottom. */
export function logScale(min: number, max: number, range: Range, isCrowded = false): Scale {
  const low = Math.max(min, 1e-9)
  const high = Math.max(max, low * 1.0001)
  const decades = Math.log10(high / low)
  const multiples = decades > (isCrowded ? 2 : 4) ? [1] : decades > (isCrowded ? 1 : 2) ? [1, 3] : [1, 2, 5]
  const all: number[] = []
  for (let power = Math.floor(Math.log10(low)) - 1; power <= Math.ceil(Math.log10(high)) + 1; power++) {
    for (const multiple of multiples) all.push(Number((multiple * 10 ** power).toPrecision(12)))
  }
  const bottom = all.findLast((tick) => tick <= low * (1 + 1e-9)) ?? low
  const top = all.find((tick) => tick >= high * (1 - 1e-9)) ?? high
  const span = Math.log(top / bottom) || 1
  return {
    at: (value) => between(range, value <= bottom ? 0 : Math.log(value / bottom) / span),
    ticks: all.filter((tick) => tick >= bottom * (1 - 1e-9) && tick <= top * (1 + 1e-9)),
  }
}

/** Logarithmic when the values span more than a factor of 25, so that a sweep's low rates stay readable. */
export function latencyScale(values: readonly number[], range: Range, isCrowded = false): Scale {
  const positive = values.filter((value) => value > 0 && Number.isFinite(value))
  const max = Math.max(0, ...positive)
  const min = positive.length === 0 ? 0 : Math.min(...positive)
  return positive.length > 0 && max / min > 25
    ? logScale(min, max, range, isCrowded)
    : linearScale(max, range)
}

/**
 * Shares of the samples, 0 … 1, spaced by how rare what lies above them is: 90, 99 and 99.9 % are equally
 * far apart, as in HdrHistogram's percentile plots.
 */
export function percentileScale(maxShare: number, range: Range): Scale {
  const nines = Math.max(1, Math.log10(1 / Math.max(1e-9, 1 - maxShare)))
  const ticks = [0, 0.5, 0.9, 0.99, 0.999, 0.9999, 0.99999, 0.999999]
  return {
    at: (share) => between(range, Math.log10(1 / Math.max(1e-12, 1 - share)) / nines),
    ticks: ticks.filter((share) => Math.log10(1 / (1 - share)) <= nines + 1e-9),
  }
}

const timeSteps = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14_400, 28_800, 86_400]

/** Seconds since the beginning, with ticks at round times; ends where the data ends. */
export function timeScale(seconds: number, range: Range, ticks: number): Scale {
  const end = Math.max(seconds, 1)
  const step = timeSteps.find((one) => end / one <= ticks) ?? 86_400 * Math.ceil(end / 86_400 / ticks)
  return {
    at: (value) => between(range, value / end),
    ticks: Array.from({ length: Math.floor(end / step + 1e-9) + 1 }, (_, index) => index * step),
  }
}

function roundStep(rough: number): number {
  const power = 10 ** Math.floor(Math.log10(rough))
  const multiple = [1, 2, 2.5, 5, 10].find((one) => one * power >= rough * (1 - 1e-9)) ?? 10
  return multiple * power
}

/** Values beyond the axis are drawn at its end. */
function between([from, to]: Range, share: number): number {
  const clamped = Math.min(1, Math.max(0, Number.isNaN(share) ? 0 : share))
  return Math.round((from + (to - from) * clamped) * 100) / 100
}
