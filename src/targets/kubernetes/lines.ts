/** What several write, for one to read in the order in which it came. */
export class Lines<T> implements AsyncIterable<T> {
  readonly #waiting: T[] = []
  #wake: () => void = () => {}
  #ended = false
  #error: { readonly error: unknown } | null = null

  push(line: T): void {
    this.#waiting.push(line)
    this.#wake()
  }

  end(): void {
    this.#ended = true
    this.#wake()
  }

  fail(error: unknown): void {
    this.#error = { error }
    this.end()
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<T> {
    for (;;) {
      const next = this.#waiting.splice(0)
      yield* next
      if (next.length > 0) continue
      if (this.#error !== null) throw this.#error.error
      if (this.#ended) return
      await new Promise<void>((resolve) => (this.#wake = resolve))
    }
  }
}
