/** A seeded generator: the same seed gives the same numbers on every machine. */
export interface Random {
  /** Uniform in [0, 1). */
  next(): number
  /** Standard normal. */
  normal(): number
  /** Exponential with mean 1. */
  exponential(): number
}

/**
 * sfc32 (PractRand, public domain): 128 bits of state, quick in 32-bit integer arithmetic.
 * Streams of different `stream` numbers are independent for every purpose here.
 */
export function randomOf(seed: number, stream = 0): Random {
  let a = 0x9e3779b9 ^ Math.trunc(seed)
  let b = 0x243f6a88 ^ Math.trunc(seed / 0x1_0000_0000)
  let c = 0xb7e15162 ^ Math.trunc(stream)
  let counter = 1
  let spare = Number.NaN

  const next = (): number => {
    const t = (((a + b) | 0) + counter) | 0
    counter = (counter + 1) | 0
    a = b ^ (b >>> 9)
    b = (c + (c << 3)) | 0
    c = (((c << 21) | (c >>> 11)) + t) | 0
    return (t >>> 0) / 4294967296
  }
  for (let i = 0; i < 16; i++) next()

  return {
    next,
    exponential: () => -Math.log(1 - next()),
    // Marsaglia's polar method; each pair is used.
    normal: () => {
      if (!Number.isNaN(spare)) {
        const value = spare
        spare = Number.NaN
        return value
      }
      for (;;) {
        const u = 2 * next() - 1
        const v = 2 * next() - 1
        const s = u * u + v * v
        if (s >= 1 || s === 0) continue
        const scale = Math.sqrt((-2 * Math.log(s)) / s)
        spare = v * scale
        return u * scale
      }
    },
  }
}

/** A gamma variate of this shape and mean 1 (Marsaglia and Tsang, 2000). */
export function gammaOf(random: Random, shape: number): number {
  if (shape < 1)
    return gammaOf(random, shape + 1) * ((shape + 1) / shape) * (1 - random.next()) ** (1 / shape)
  const d = shape - 1 / 3
  const c = 1 / Math.sqrt(9 * d)
  for (;;) {
    const x = random.normal()
    const v = (1 + c * x) ** 3
    if (v <= 0) continue
    const u = 1 - random.next()
    if (Math.log(u) < 0.5 * x * x + d - d * v + d * Math.log(v)) return (d * v) / shape
  }
}
