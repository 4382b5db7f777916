import { Buffer } from 'node:buffer'

const zero = 48
const minus = 45
const point = 46
const comma = 44
/** Seven digits after the point: as many as a 32-bit float of size 1 has. */
const digits = 7
const scale = 10 ** digits
/** A sign, the integer part of the greatest number that is written exactly, a point, the digits, a comma. */
const longest = 1 + 9 + 1 + digits + 1

/** Written into and copied from: allocating the most that a vector may need costs more than writing it. */
let scratch = Buffer.alloc(64 * 1024)

/** Vectors as a JSON array of arrays of numbers. Numbers written one by one as strings would cost more than the rest of a request. */
export function vectorsJson(vectors: readonly Float32Array[]): string {
  return `[${vectors.map(vectorJson).join(',')}]`
}

/** One vector as a JSON array of numbers below 10^9; throws on what is no such number. */
export function vectorJson(vector: Float32Array): string {
  const size = vector.length * longest + 2
  if (scratch.length < size) scratch = Buffer.alloc(size)
  const bytes = scratch
  let at = 0
  bytes[at++] = 91
  for (let index = 0; index < vector.length; index++) {
    if (index > 0) bytes[at++] = comma
    const value = vector[index]!
    if (value === 0) {
      bytes[at] = zero
      bytes[at + 1] = point
      bytes[at + 2] = zero
      at += 3
    } else at = writeNumber(bytes, at, value)
  }
  bytes[at++] = 93
  return bytes.toString('latin1', 0, at)
}

function writeNumber(bytes: Buffer, from: number, value: number): number {
  let at = from
  let whole = Math.abs(value)
  if (!(whole < 1e9)) throw new RangeError(`not a component of a vector: ${value}`)
  let fraction = Math.round((whole - Math.floor(whole)) * scale)
  whole = Math.floor(whole)
  if (fraction === scale) {
    whole++
    fraction = 0
  }
  if (value < 0 && (whole !== 0 || fraction !== 0)) bytes[at++] = minus
  if (whole < 10) bytes[at++] = zero + whole
  else at += bytes.write(String(whole), at, 'latin1')
  bytes[at++] = point
  let width = digits
  while (width > 1 && fraction % 10 === 0) {
    fraction = (fraction / 10) | 0
    width--
  }
  for (let digit = at + width - 1; digit >= at; digit--) {
    const rest = (fraction / 10) | 0
    bytes[digit] = zero + fraction - rest * 10
    fraction = rest
  }
  return at + width
}
