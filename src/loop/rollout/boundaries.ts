/**
 * How sure one has to be at each look at data that still grow, so that looking several times raises no more false
 * alarms than looking once would. Pure.
 *
 * Alpha spending (Lan & DeMets, Biometrika 70, 1983): a function says what share of the risk may be spent by each look,
 * and the boundary of a look is where the risk spent there is just that. The risk is computed by the recursion of
 * Armitage, McPherson & Rowe (JRSS A 132, 1969; Jennison & Turnbull, "Group Sequential Methods", 2000, ch. 19): a
 * standardised estimate at the looks moves as Brownian motion at the shares of information.
 */
import { normalDistribution } from '../../capacity/normal.ts'

/** Risk spent when the share `t` of all information is there: at `t` = 1 all of it. */
export type Spending = (risk: number, t: number) => number

/** Lan & DeMets' likeness of Pocock's boundaries: nearly as sure at every look, so that a large effect ends it soon. */
export const pocockSpending: Spending = (risk, t) => risk * Math.log(1 + (Math.E - 1) * Math.min(1, t))

/** Lower end and number of points of the grid on which densities are kept; further below lies less than 1e-15. */
const lowest = -8
const intervals = 256

/**
 * The standard normal quantile to be exceeded at each look.
 * @param risk of exceeding any of them without an effect, one-sided, 0 < risk < 0.5
 * @param information at each look, as shares of that at the last; ascending, the last 1
 */
export function boundaries(
  risk: number,
  information: readonly number[],
  spending = pocockSpending,
): number[] {
  const found: number[] = []
  let density: Density | null = null
  let before = 0
  for (const [look, t] of information.entries()) {
    const spend = spending(risk, t) - spending(risk, before)
    const from = information[look - 1] ?? 0
    const previous: Density | null = density
    const exceeds = (z: number): number =>
      previous === null ? 1 - normalDistribution(z) : exceeding(previous, from, t, z)
    const z = bisect(exceeds, spend)
    found.push(z)
    density = previous === null ? gridOf(z, normalDensity) : moved(previous, from, t, z)
    before = t
  }
  return found
}

/** Of the standardised estimate where no boundary has been exceeded yet: on a grid from `lowest` to the boundary. */
interface Density {
  readonly points: readonly number[]
  /** Each with the weight of its point (Simpson's rule). */
  readonly mass: readonly number[]
}

function gridOf(to: number, density: (z: number) => number): Density {
  const step = (to - lowest) / intervals
  const points = Array.from({ length: intervals + 1 }, (_, index) => lowest + index * step)
  return {
    points,
    mass: points.map((z, index) => {
      const weight = index === 0 || index === intervals ? 1 : index % 2 === 1 ? 4 : 2
      return (density(z) * weight * step) / 3
    }),
  }
}

function exceeding({ points, mass }: Density, from: number, to: number, z: number): number {
  const deviation = Math.sqrt(to - from)
  return points.reduce(
    (sum, u, index) =>
      sum +
      (mass[index] ?? 0) * (1 - normalDistribution((z * Math.sqrt(to) - u * Math.sqrt(from)) / deviation)),
    0,
  )
}

function moved({ points, mass }: Density, from: number, to: number, boundary: number): Density {
  const deviation = Math.sqrt(to - from)
  const scale = Math.sqrt(to) / deviation
  return gridOf(
    boundary,
    (z) =>
      scale *
      points.reduce(
        (sum, u, index) =>
          sum + (mass[index] ?? 0) * normalDensity((z * Math.sqrt(to) - u * Math.sqrt(from)) / deviation),
        0,
      ),
  )
}

function normalDensity(z: number): number {
  return Math.exp((-z * z) / 2) / Math.sqrt(2 * Math.PI)
}

/** Where a falling function has a value, to 1e-6. */
function bisect(falling: (z: number) => number, value: number): number {
  let [low, high] = [-1, 8]
  while (high - low > 1e-6) {
    const middle = (low + high) / 2
    if (falling(middle) > value) low = middle
    else high = middle
  }
  return high
}
