/**
 * Where and how a text fails to be JSON, in serde_json's words, which clients of Qdrant see. Only run once
 * `JSON.parse` has failed: it is here for the message, not for speed.
 */
export function jsonSyntaxError(text: string): string | null {
  try {
    new Scanner(text).document()
    return null
  } catch (error) {
    if (error instanceof SyntaxFault) return `${error.message} at ${placeOf(text, error.position)}`
    throw error
  }
}

class SyntaxFault extends Error {
  /** Characters read when the fault was seen. */
  readonly position: number

  constructor(message: string, position: number) {
    super(message)
    this.position = position
  }
}

function placeOf(text: string, position: number): string {
  const read = text.slice(0, position)
  const lineStart = read.lastIndexOf('\n') + 1
  let line = 1
  for (const character of read) if (character === '\n') line++
  return `line ${line} column ${Buffer.byteLength(read.slice(lineStart))}`
}

const maximumDepth = 127

class Scanner {
  readonly #text: string
  #at = 0
  #depth = 0

  constructor(text: string) {
    this.#text = text
  }

  document(): void {
    this.#value()
    this.#space()
    if (this.#at < this.#text.length) this.#fault('trailing characters', 1)
  }

  /** `ahead` counts the offending character in, as serde does for characters but not for the end. */
  #fault(message: string, ahead = 0): never {
    throw new SyntaxFault(message, Math.min(this.#at + ahead, this.#text.length))
  }

  #space(): void {
    while (' \t\n\r'.includes(this.#text[this.#at] ?? '-')) this.#at++
  }

  #peek(): string | undefined {
    return this.#text[this.#at]
  }

  #value(): void {
    this.#space()
    const first = this.#peek()
    if (first === undefined) this.#fault('EOF while parsing a value')
    if (first === '{') this.#nested(() => this.#object())
    else if (first === '[') this.#nested(() => this.#array())
    else if (first === '"') this.#string()
    else if (first === '-' || (first >= '0' && first <= '9')) this.#number()
    else if (first === 't') this.#word('true')
    else if (first === 'f') this.#word('false')
    else if (first === 'n') this.#word('null')
    else this.#fault('expected value', 1)
  }

  #nested(inside: () => void): void {
    if (++this.#depth > maximumDepth) this.#fault('recursion limit exceeded', 1)
    this.#at++
    inside()
    this.#depth--
  }

  #word(word: string): void {
    for (const expected of word) {
      const found = this.#peek()
      if (found === undefined) this.#fault('EOF while parsing a value')
      if (found !== expected) this.#fault('expected ident', 1)
      this.#at++
    }
  }

  #array(): void {
    for (let first = true; ; first = false) {
      this.#space()
      const next = this.#peek()
      if (next === undefined) this.#fault('EOF while parsing a list')
      if (next === ']') break
      if (!first) {
        if (next !== ',') this.#fault('expected `,` or `]`', 1)
        this.#at++
        this.#space()
        if (this.#peek() === ']') this.#fault('trailing comma', 1)
        if (this.#peek() === undefined) this.#fault('EOF while parsing a value')
      }
      this.#value()
    }
    this.#at++
  }

  #object(): void {
    for (let first = true; ; first = false) {
      this.#space()
      const next = this.#peek()
      if (next === undefined) this.#fault('EOF while parsing an object')
      if (next === '}') break
      if (!first) {
        if (next !== ',') this.#fault('expected `,` or `}`', 1)
        this.#at++
        this.#space()
        if (this.#peek() === '}') this.#fault('trailing comma', 1)
        if (this.#peek() === undefined) this.#fault('EOF while parsing a value')
      }
      if (this.#peek() !== '"') this.#fault('key must be a string', 1)
      this.#string()
      this.#space()
      if (this.#peek() === undefined) this.#fault('EOF while parsing an object')
      if (this.#peek() !== ':') this.#fault('expected `:`', 1)
      this.#at++
      this.#value()
    }
    this.#at++
  }

  #string(): void {
    this.#at++
    for (;;) {
      const next = this.#peek()
      if (next === undefined) this.#fault('EOF while parsing a string')
      if (next < ' ') this.#fault('control character (\\u0000-\\u001F) found while parsing a string', 1)
      this.#at++
      if (next === '"') return
      if (next === '\\') this.#escape()
    }
  }

  #escape(): void {
    const next = this.#peek()
    if (next === undefined) this.#fault('EOF while parsing a string')
    if (next !== 'u') {
      if (!'"\\/bfnrt'.includes(next)) this.#fault('invalid escape', 1)
      this.#at++
      return
    }
    this.#at++
    for (let digit = 0; digit < 4; digit++) {
      const found = this.#peek()
      if (found === undefined) this.#fault('EOF while parsing a string')
      if (!/[0-9a-fA-F]/.test(found)) this.#fault('invalid escape', 1)
      this.#at++
    }
  }

  #number(): void {
    if (this.#peek() === '-') this.#at++
    if (this.#peek() === '0') {
      this.#at++
      if (/\d/.test(this.#peek() ?? '')) this.#fault('invalid number', 1)
    } else this.#digits()
    if (this.#peek() === '.') {
      this.#at++
      this.#digits()
    }
    if (this.#peek() === 'e' || this.#peek() === 'E') {
      this.#at++
      if (this.#peek() === '+' || this.#peek() === '-') this.#at++
      this.#digits()
    }
  }

  #digits(): void {
    const first = this.#peek()
    if (first === undefined) this.#fault('EOF while parsing a value')
    if (!/\d/.test(first)) this.#fault('invalid number', 1)
    while (/\d/.test(this.#peek() ?? '')) this.#at++
  }
}
