/** What one request name has cost on this node, as Qdrant counts hardware: by the name that clients used. */
export interface HardwareUse {
  cpu: number
  payloadWritten: number
  vectorWritten: number
}

/** Counts since the process started. */
export class Counters {
  readonly #hardware = new Map<string, HardwareUse>()
  readonly #snapshots = new Set<string>()

  /** Makes a name known: what has been asked for is listed even when it cost nothing, or does not exist. */
  asked(collection: string): void {
    this.#of(collection)
  }

  compared(collection: string, coordinates: number): void {
    this.#of(collection).cpu += coordinates
  }

  wrote(collection: string, vectorBytes: number, payloadBytes: number): void {
    const use = this.#of(collection)
    use.vectorWritten += vectorBytes
    use.payloadWritten += payloadBytes
  }

  /** A collection exists, or has: its snapshots are counted from now on, even when it is gone. */
  exists(collection: string): void {
    this.#snapshots.add(collection)
  }

  hardware(): [collection: string, use: Readonly<HardwareUse>][] {
    return [...this.#hardware]
  }

  everExisted(): string[] {
    return [...this.#snapshots]
  }

  #of(collection: string): HardwareUse {
    let use = this.#hardware.get(collection)
    if (use === undefined) {
      use = { cpu: 0, payloadWritten: 0, vectorWritten: 0 }
      this.#hardware.set(collection, use)
    }
    return use
  }
}
