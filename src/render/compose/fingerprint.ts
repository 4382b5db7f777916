/**
 * Sixteen hexadecimal digits that differ where texts do: two runs of 32-bit FNV-1a over UTF-16 code units, the second
 * from another start (http://www.isthe.com/chongo/tech/comp/fnv/). To tell contents apart, not to prove anything.
 */
export function fingerprint(...texts: readonly string[]): string {
  return [0x811c9dc5, 0x9747b28c].map((basis) => hex(fnv1a(basis, texts))).join('')
}

function fnv1a(basis: number, texts: readonly string[]): number {
  let hash = basis
  for (const text of texts) {
    for (let index = 0; index < text.length; index++)
      hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193)
    // So that where one text ends and the next begins counts too.
    hash = Math.imul(hash ^ 0x10000, 0x01000193)
  }
  return hash >>> 0
}

function hex(hash: number): string {
  return hash.toString(16).padStart(8, '0')
}
