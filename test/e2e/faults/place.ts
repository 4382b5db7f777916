/** A folder for a stack that something goes wrong with, and the check that nothing of it is left. */
import { existsSync, readFileSync, readdirSync, readlinkSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect } from 'vitest'
import type { Run } from '../../../src/recording/run.ts'
import { until } from '../local/stack-on-disk.ts'
import { workplace } from '../ragscale.ts'
import type { Workplace } from '../ragscale.ts'

export interface FaultPlace extends Workplace {
  /** What the generator has written of a run so far. */
  readonly record: (run: string) => string
  /** Waits until the generator has written this of a run. */
  readonly recorded: (run: string, text: string) => Promise<void>
  readonly runOf: (run: string) => Run
  /** Nothing loads any more, and the next load test finds the stack free. */
  readonly nothingLoads: () => Promise<void>
  /** No process that works in the folder is left. */
  readonly nothingRuns: () => Promise<void>
}

export async function faultPlace(stack: string): Promise<FaultPlace> {
  const place = await workplace()
  const { folder } = place
  await writeFile(join(folder, 'ragscale.yaml'), stack)
  await writeFile(join(folder, 'queries.txt'), 'What is a shard?\nHow many replicas are enough?\n')
  const record = (run: string): string => {
    const file = join(folder, 'runs', run, 'load.ndjson')
    return existsSync(file) ? readFileSync(file, 'utf8') : ''
  }
  return {
    ...place,
    record,
    recorded: async (run, text) => await until(() => record(run).includes(text)),
    runOf: (run) => JSON.parse(readFileSync(join(folder, 'runs', run, 'run.json'), 'utf8')) as Run,
    nothingLoads: async () => {
      await until(() => processesOf(folder, 'commandLine').length === 0)
      expect(leftOf(folder)).toEqual([])
    },
    nothingRuns: async () => await until(() => processesOf(folder, 'folder').length === 0),
  }
}

/** An embedding service that somebody else runs. */
export function external(url: string, more = ''): string {
  return `name: faults
target: external
endpoints:
  embed: { url: '${url}', protocol: tei, timeout: 400ms }
  generate: { url: '${url}', protocol: openai, model: m, timeout: 400ms }
workload: { rate: 20/s, queries: queries.txt, seed: 7 }
slo: { embed: { p95: 200ms }, generate: { p95: 200ms } }
${more}`
}

/** One embedding server of 5 ms on this machine. */
export const local = `name: faults
target: local
tiers:
  embed:
    component: tei
    model: BAAI/bge-base-en-v1.5
    replicas: 1 # for now
    emulate: { model: fifo, law: fixed, mean: 5ms, servers: 4 }
workload: { rate: 20/s, queries: queries.txt, seed: 7 }
slo: { embed: { p95: 500ms } }
`

/** Scratch files and locks of a load test. */
function leftOf(folder: string): string[] {
  const own = join(folder, '.ragscale')
  return existsSync(own) ? readdirSync(own).filter((name) => name.startsWith('loadtest')) : []
}

/** By what they were started with (k6 and the command), or by where they work (a stack's processes). */
function processesOf(folder: string, by: 'commandLine' | 'folder'): number[] {
  return readdirSync('/proc')
    .map(Number)
    .filter((pid) => Number.isInteger(pid) && pid !== process.pid)
    .filter((pid) => {
      try {
        if (by === 'folder') return readlinkSync(`/proc/${pid}/cwd`).startsWith(folder)
        return readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes(`${folder}/`)
      } catch {
        // It ended while it was looked at, or is somebody else's.
        return false
      }
    })
}
