/** A peer's id: an unsigned 64-bit integer as its decimal digits, since it may exceed what a number holds. */
export type PeerId = string

/** A new id: random, above 2^32 so that it is never taken for a small number, within 53 bits as Qdrant's are. */
export function newPeerId(random: () => number = Math.random): PeerId {
  const high = 1 + Math.floor(random() * (2 ** 21 - 1))
  return String(BigInt(high) * 2n ** 32n + BigInt(Math.floor(random() * 2 ** 32)))
}
