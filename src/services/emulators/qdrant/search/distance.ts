import type { KernelName } from './kernels.ts'

export const distances = ['Cosine', 'Euclid', 'Dot', 'Manhattan'] as const
export type Distance = (typeof distances)[number]

export interface Metric {
  readonly kernel: KernelName
  /** Whether a larger score is a nearer point. */
  readonly largerIsNearer: boolean
  /** The score that an answer shows, from what the kernel adds up. */
  readonly score: (sum: number) => number
}

export const metrics: Readonly<Record<Distance, Metric>> = {
  Cosine: { kernel: 'dot', largerIsNearer: true, score: (sum) => sum },
  Dot: { kernel: 'dot', largerIsNearer: true, score: (sum) => sum },
  Euclid: { kernel: 'squared', largerIsNearer: false, score: (sum) => Math.fround(Math.sqrt(sum)) },
  Manhattan: { kernel: 'absolute', largerIsNearer: false, score: (sum) => sum },
}

/** A vector as it is stored and searched: of length one for Cosine, unless it is zero. */
export function prepared(vector: Float32Array, distance: Distance): Float32Array {
  if (distance !== 'Cosine') return vector
  let squares = 0
  for (let index = 0; index < vector.length; index++) squares += vector[index]! * vector[index]!
  // What is normal already stays as it is, to the bit: replicas are fed from each other.
  if (squares < 1e-30 || Math.abs(squares - 1) < 1e-6) return vector
  const length = Math.sqrt(squares)
  return vector.map((value) => value / length)
}
