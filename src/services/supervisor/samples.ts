import { type SupervisedSample, type WantedProcess, replicaName } from '../../supervision.ts'
import type { ProcessSample } from '../process.ts'

/** Ten minutes of a stack of eight processes: whoever asks more seldom than that loses the oldest. */
const kept = 5_000

/** What every process used, a sample a process and second, and the newest of each. */
export class Samples {
  #sequence = 0
  readonly #all: SupervisedSample[] = []
  readonly #latest = new Map<string, { pid: number | null; raw: ProcessSample; sample: SupervisedSample }>()

  add(wanted: WantedProcess, pid: number | null, raw: ProcessSample, atMs: number): void {
    const before = this.#latest.get(wanted.id)
    const elapsedMs = before?.pid === pid ? raw.atMs - before.raw.atMs : 0
    const sample: SupervisedSample = {
      sequence: ++this.#sequence,
      at: atMs,
      // The balancers are a tier of their own: a tier's figures are those of its replicas.
      tier: wanted.replica === null ? 'balancer' : wanted.tier,
      replica: wanted.replica === null ? wanted.tier : replicaName(wanted),
      cpuCores:
        before === undefined || elapsedMs <= 0
          ? null
          : Math.max(0, (raw.cpuSeconds - before.raw.cpuSeconds) * 1000) / elapsedMs,
      memoryBytes: raw.memoryBytes,
      queue: raw.queue,
      overrunMs: raw.overrunMs,
      emulated: raw.emulated ?? null,
    }
    this.#latest.set(wanted.id, { pid, raw, sample })
    this.#all.push(sample)
    if (this.#all.length > kept) this.#all.splice(0, this.#all.length - kept)
  }

  /** Those after a sequence number; without one, the newest of each process. */
  since(sequence: number | null): SupervisedSample[] {
    if (sequence === null) return [...this.#latest.values()].map(({ sample }) => sample)
    return this.#all.filter((sample) => sample.sequence > sequence)
  }

  of(id: string, pid: number | null): SupervisedSample | undefined {
    const latest = this.#latest.get(id)
    return latest?.pid === pid ? latest?.sample : undefined
  }

  forget(id: string): void {
    this.#latest.delete(id)
  }
}
