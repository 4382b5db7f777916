/** Writes what the replicas and this host use, once a second, to `resources.ndjson` of a run. */
import { appendFile } from 'node:fs/promises'
import { cpus } from 'node:os'
import { join } from 'node:path'
import { setInterval } from 'node:timers/promises'
import { diskError } from '../disk-error.ts'
import { runFiles } from '../recording/files.ts'
import type { HostSample } from '../recording/resources.ts'
import type { RunningStack } from './running.ts'

const intervalMs = 1_000

export interface Sampling {
  /** Writes a last sample. @throws {UserError} when a sample could not be written */
  stop(): Promise<void>
}

export async function startSampling(running: RunningStack, folder: string): Promise<Sampling> {
  const file = join(folder, runFiles.resources)
  const host = hostSampler()
  const stopping = new AbortController()
  const take = async (): Promise<void> => {
    const samples = [...(await running.sample()), ...host()]
    const lines = samples.map((sample) => `${JSON.stringify(sample)}\n`).join('')
    if (lines !== '') await appendFile(file, lines)
  }
  // What came before the test is read and left out: the first samples are of the test alone.
  await running.sample()
  host()
  const loop = async (): Promise<void> => {
    try {
      for await (const _ of setInterval(intervalMs, undefined, { signal: stopping.signal })) await take()
    } catch (error) {
      if (!stopping.signal.aborted) throw error
    }
    await take()
  }
  // A failure is told when the test has ended: its record is worth more than its resources.
  const looping = loop().then(
    () => null,
    (error: unknown) => ({ error }),
  )
  return {
    stop: async () => {
      stopping.abort()
      const failure = await looping
      if (failure !== null) throw diskError(`could not write ${file}`, failure.error)
    },
  }
}

/**
 * Share of the host's CPU time that was not idle since the call before. It is taken from the clock and not from
 * the sum of the accounted times, so that time which a hypervisor stole counts as busy.
 */
function hostSampler(): () => HostSample[] {
  let before = reading()
  return () => {
    const now = reading()
    const possibleMs = (now.atMs - before.atMs) * now.cores
    const idleMs = now.idleMs - before.idleMs
    before = now
    return possibleMs <= 0
      ? []
      : [{ at: Date.now(), hostCpu: Math.min(1, Math.max(0, 1 - idleMs / possibleMs)) }]
  }
}

function reading(): { atMs: number; idleMs: number; cores: number } {
  const cores = cpus()
  return {
    atMs: performance.now(),
    idleMs: cores.reduce((sum, { times }) => sum + times.idle, 0),
    cores: cores.length,
  }
}
