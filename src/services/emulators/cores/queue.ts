/** A first-come-first-served queue; taking from its head costs the same however long it is. */
export class Queue<Value> {
  #items: (Value | undefined)[] = []
  #head = 0

  get size(): number {
    return this.#items.length - this.#head
  }

  peek(): Value | undefined {
    return this.#items[this.#head]
  }

  push(value: Value): void {
    this.#items.push(value)
  }

  /** Puts a value before all others. */
  unshift(value: Value): void {
    if (this.#head > 0) this.#items[--this.#head] = value
    else this.#items.unshift(value)
  }

  shift(): Value | undefined {
    if (this.#head === this.#items.length) return undefined
    const value = this.#items[this.#head]
    this.#items[this.#head++] = undefined
    if (this.#head > 1024 && this.#head * 2 > this.#items.length) {
      this.#items = this.#items.slice(this.#head)
      this.#head = 0
    }
    return value
  }

  /** Takes out the first value that matches. */
  remove(matches: (value: Value) => boolean): Value | undefined {
    const index = this.#items.findIndex((value, at) => at >= this.#head && matches(value as Value))
    return index === -1 ? undefined : this.#items.splice(index, 1)[0]
  }
}
