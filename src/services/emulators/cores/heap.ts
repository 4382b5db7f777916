/** A binary min-heap of values by a time given with each; equal times come out in the order they went in. */
export class TimeHeap<Value> {
  readonly #times: number[] = []
  readonly #orders: number[] = []
  readonly #values: Value[] = []
  #order = 0

  get size(): number {
    return this.#times.length
  }

  /** The earliest time, or Infinity. */
  get firstMs(): number {
    return this.#times[0] ?? Infinity
  }

  push(timeMs: number, value: Value): void {
    let index = this.#times.length
    const order = this.#order++
    while (index > 0) {
      const parent = (index - 1) >> 1
      if (this.#times[parent]! <= timeMs) break
      this.#move(parent, index)
      index = parent
    }
    this.#place(index, timeMs, order, value)
  }

  pop(): Value | undefined {
    const first = this.#values[0]
    const timeMs = this.#times.pop()
    const order = this.#orders.pop()
    const value = this.#values.pop()
    if (timeMs === undefined || order === undefined || this.#times.length === 0) return first
    const size = this.#times.length
    let index = 0
    for (;;) {
      let child = 2 * index + 1
      if (child >= size) break
      if (child + 1 < size && this.#before(child + 1, this.#times[child]!, this.#orders[child]!)) child++
      if (!this.#before(child, timeMs, order)) break
      this.#move(child, index)
      index = child
    }
    this.#place(index, timeMs, order, value as Value)
    return first
  }

  /** Takes out everything whose time is at most `timeMs`, earliest first. */
  popUntil(timeMs: number): Value[] {
    const values: Value[] = []
    while (this.#times.length > 0 && this.#times[0]! <= timeMs) values.push(this.pop()!)
    return values
  }

  #before(index: number, timeMs: number, order: number): boolean {
    const time = this.#times[index]!
    return time < timeMs || (time === timeMs && this.#orders[index]! < order)
  }

  #move(from: number, to: number): void {
    this.#times[to] = this.#times[from]!
    this.#orders[to] = this.#orders[from]!
    this.#values[to] = this.#values[from]!
  }

  #place(index: number, timeMs: number, order: number, value: Value): void {
    this.#times[index] = timeMs
    this.#orders[index] = order
    this.#values[index] = value
  }
}
