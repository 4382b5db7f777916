/** The probabilities of `items` queries asked with Zipf skew `exponent` (0: all alike), most popular first. */
export function zipfProbabilities(items: number, exponent: number): Float64Array {
  const probabilities = new Float64Array(items)
  let sum = 0
  for (let i = 0; i < items; i++) sum += probabilities[i] = (i + 1) ** -exponent
  for (let i = 0; i < items; i++) probabilities[i]! /= sum
  return probabilities
}

/**
 * The hit ratio of an LRU cache of `size` entries (Che's approximation): T such that
 * Σ(1 − e^(−p·T)) = size, then Σ p(1 − e^(−p·T)). What reaches the next tier is λ(1 − hit).
 */
export function lruHitRatio(probabilities: Float64Array, size: number): number {
  if (size <= 0) return 0
  if (size >= probabilities.length) return 1
  let low = 0
  let high = size
  while (occupied(probabilities, high) < size) high *= 2
  for (let i = 0; i < 100; i++) {
    const middle = (low + high) / 2
    if (occupied(probabilities, middle) < size) low = middle
    else high = middle
  }
  let hit = 0
  for (let i = 0; i < probabilities.length; i++)
    hit += probabilities[i]! * -Math.expm1(-probabilities[i]! * high)
  return hit
}

function occupied(probabilities: Float64Array, time: number): number {
  let sum = 0
  for (let i = 0; i < probabilities.length; i++) sum -= Math.expm1(-probabilities[i]! * time)
  return sum
}
