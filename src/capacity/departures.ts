/** Who leaves next: a binary heap of times, each with the number of the replica that it is left from. */
export class Departures {
  #times = new Float64Array(64)
  #replicas = new Int32Array(64)
  #size = 0

  get size(): number {
    return this.#size
  }

  /** The earliest time; Infinity when empty. */
  get first(): number {
    return this.#size === 0 ? Number.POSITIVE_INFINITY : this.#times[0]!
  }

  push(time: number, replica: number): void {
    if (this.#size === this.#times.length) this.#grow()
    const times = this.#times
    const replicas = this.#replicas
    let child = this.#size++
    while (child > 0) {
      const parent = (child - 1) >> 1
      if (times[parent]! <= time) break
      times[child] = times[parent]!
      replicas[child] = replicas[parent]!
      child = parent
    }
    times[child] = time
    replicas[child] = replica
  }

  /** Removes the earliest and returns its replica. */
  pop(): number {
    const times = this.#times
    const replicas = this.#replicas
    const replica = replicas[0]!
    const size = --this.#size
    const time = times[size]!
    const last = replicas[size]!
    let parent = 0
    for (;;) {
      let child = 2 * parent + 1
      if (child >= size) break
      if (child + 1 < size && times[child + 1]! < times[child]!) child++
      if (times[child]! >= time) break
      times[parent] = times[child]!
      replicas[parent] = replicas[child]!
      parent = child
    }
    times[parent] = time
    replicas[parent] = last
    return replica
  }

  #grow(): void {
    const times = new Float64Array(this.#times.length * 2)
    times.set(this.#times)
    this.#times = times
    const replicas = new Int32Array(this.#replicas.length * 2)
    replicas.set(this.#replicas)
    this.#replicas = replicas
  }
}
