/** What the tiers used in a step, and what they said of themselves, in words: the same for every kind of report. */
import { signalNamed, signals } from '../catalog/signals.ts'
import type { TierUse } from '../recording/resources.ts'
import { bytes, figure, rate, share } from './format.ts'

export interface UseColumn {
  readonly head: string
  readonly cell: (use: TierUse) => string
  /** Left out the sooner, the higher, where room is short; undefined: never. */
  readonly priority?: number
}

interface Known extends UseColumn {
  /** Of a column that is there only where a tier has it. */
  readonly of?: (use: TierUse) => unknown
}

const columns: readonly Known[] = [
  { head: 'replicas', cell: (use) => figure(use.replicas) },
  { head: 'CPU cores', cell: (use) => figure(use.cpuCores) },
  { head: 'memory', cell: (use) => bytes(use.memoryBytes) },
  { head: 'GPU', cell: (use) => share(use.gpuUtilization), priority: 1 },
  {
    head: 'GPU memory',
    cell: (use) => bytes(use.gpuMemoryBytes),
    priority: 2,
    of: (use) => use.gpuMemoryBytes,
  },
  { head: 'queue', cell: (use) => figure(use.queue), priority: 1 },
  {
    head: 'network in/out',
    cell: ({ network }) => twoWays(network?.receivedBytesPerSecond, network?.sentBytesPerSecond),
    priority: 3,
    of: (use) => use.network,
  },
  {
    head: 'disk read/written',
    cell: ({ disk }) => twoWays(disk?.readBytesPerSecond, disk?.writtenBytesPerSecond),
    priority: 4,
    of: (use) => use.disk,
  },
]

/** Columns for these tiers: what no target said of any of them is left out. */
export function useColumns(tiers: Readonly<Record<string, TierUse>>): readonly UseColumn[] {
  const uses = Object.values(tiers)
  return columns.filter(({ of }) => of === undefined || uses.some((use) => of(use) !== null))
}

function twoWays(one: number | undefined, other: number | undefined): string {
  return one === undefined || other === undefined ? '–' : `${bytes(one)}/s, ${bytes(other)}/s`
}

/** `running 12.3`, `KV cache in use 45 %`, in the vocabulary's order, without what is 0 or unknown to this version. */
export function signalWords({ signals: said }: TierUse): string[] {
  return Object.keys(signals).flatMap((name) => {
    const signal = signalNamed(name)
    const value = Object.hasOwn(said, name) ? said[name] : undefined
    if (signal === undefined || value === undefined || value === 0) return []
    const format = { count: figure, share, perSecond: rate }[signal.unit]
    return [`${signal.title} ${format(value)}`]
  })
}

/** Tiers that say something of themselves, with what it is. */
export function saidByTiers(
  tiers: Readonly<Record<string, TierUse>>,
): { readonly tier: string; readonly words: readonly string[] }[] {
  return Object.entries(tiers)
    .map(([tier, use]) => ({ tier, words: signalWords(use) }))
    .filter(({ words }) => words.length > 0)
}
