/** FNV-1a over a text's characters, then MurmurHash3's finalizer: 32 well-mixed bits. */
export function hashText(text: string, seed = 0): number {
  let hash = (0x811c9dc5 ^ seed) | 0
  for (let index = 0; index < text.length; index++)
    hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193)
  return mix(hash)
}

/** Mixes two hashes into one. */
export function hashPair(a: number, b: number): number {
  return mix(Math.imul(a, 0x9e3779b1) ^ mix(b))
}

/** The bits of the vector itself: equal vectors hash alike. */
export function hashVector(vector: Float32Array): number {
  const bits = new Int32Array(vector.buffer, vector.byteOffset, vector.length)
  let hash = bits.length
  for (let index = 0; index < bits.length; index++) hash = Math.imul(hash ^ bits[index]!, 0x01000193)
  return mix(hash)
}

function mix(value: number): number {
  let h = value | 0
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b)
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35)
  return (h ^ (h >>> 16)) >>> 0
}
