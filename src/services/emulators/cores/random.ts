import { uniformFloat64 } from 'pure-rand/distribution/uniformFloat64'
import { xoroshiro128plusFromState } from 'pure-rand/generator/xoroshiro128plus'

/** A seeded source of draws: the same seed and stream give the same draws on every machine. */
export interface Random {
  /** In [0, 1). */
  readonly uniform: () => number
  /** An integer in [0, n). */
  readonly below: (n: number) => number
  /** Mean 0, variance 1. */
  readonly normal: () => number
  /** Mean 1. */
  readonly exponential: () => number
  /** Mean `shape`, variance `shape`; `shape` > 0. */
  readonly gamma: (shape: number) => number
  /** Mean 1 and the given coefficient of variation; 1 itself, and no draw, when that is 0. */
  readonly lognormal: (cv: number) => number
}

/** `stream` separates the draws of parts that share one seed, so that adding a part leaves the others' draws alone. */
export function seededRandom(seed: number, stream = ''): Random {
  const generator = xoroshiro128plusFromState(stateOf(seed, stream))
  const uniform = () => uniformFloat64(generator)
  let spare: number | undefined

  /** Marsaglia's polar method; it makes two at a time. */
  const normal = (): number => {
    if (spare !== undefined) {
      const value = spare
      spare = undefined
      return value
    }
    for (;;) {
      const x = 2 * uniform() - 1
      const y = 2 * uniform() - 1
      const r = x * x + y * y
      if (r > 0 && r < 1) {
        const factor = Math.sqrt((-2 * Math.log(r)) / r)
        spare = y * factor
        return x * factor
      }
    }
  }

  /** Marsaglia and Tsang, "A simple method for generating gamma variables" (2000); below shape 1 by their boost. */
  const gamma = (shape: number): number => {
    if (shape < 1) return gamma(shape + 1) * Math.pow(1 - uniform(), 1 / shape)
    const d = shape - 1 / 3
    const c = 1 / Math.sqrt(9 * d)
    for (;;) {
      const x = normal()
      const v = Math.pow(1 + c * x, 3)
      if (v > 0 && Math.log(1 - uniform()) < 0.5 * x * x + d - d * v + d * Math.log(v)) return d * v
    }
  }

  return {
    uniform,
    below: (n) => Math.floor(uniform() * n),
    normal,
    exponential: () => -Math.log(1 - uniform()),
    gamma,
    lognormal: (cv) => {
      if (cv === 0) return 1
      const variance = Math.log(1 + cv * cv)
      return Math.exp(Math.sqrt(variance) * normal() - variance / 2)
    },
  }
}

/** Spreads neighbouring seeds over the whole state, which the generator's own seeding does not. */
function stateOf(seed: number, stream: string): [number, number, number, number] {
  let hash = 0x811c9dc5
  for (let index = 0; index < stream.length; index++)
    hash = Math.imul(hash ^ stream.charCodeAt(index), 0x01000193)
  const low = mix((seed | 0) ^ hash)
  const high = mix(Math.floor(seed / 2 ** 32) ^ 0x9e3779b9)
  const word = (index: number) => mix(mix(low + Math.imul(index, 0x9e3779b9)) ^ (high + index))
  // An all-zero state would stay at zero for ever.
  return [word(1), word(2), word(3), word(4) | 1]
}

/** MurmurHash3's finalizer: every bit of the input changes about half of the output's. */
function mix(value: number): number {
  let h = value | 0
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b)
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35)
  return h ^ (h >>> 16)
}
