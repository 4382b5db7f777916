/** What is not the same in two runs, and may be why their figures differ. */
import { counted } from '../stack/counted.ts'
import type { Run } from './run.ts'

export interface Difference {
  readonly what: string
  readonly baseline: string
  readonly run: string
  /** Whether it forbids comparing at all. */
  readonly refused: boolean
}

/** In the order of how much they matter. */
export function differencesBetween(baseline: Run, run: Run): Difference[] {
  const rows: (readonly [what: string, of: (one: Run) => string, refused?: true])[] = [
    ['what was measured', (one) => (one.emulated ? 'a rehearsal on emulators' : 'the real components'), true],
    ['the target', (one) => one.target],
    ['the scenario', (one) => one.scenario],
    ['the arrivals', (one) => one.arrivals],
    ['the cache', (one) => one.cache],
    ['the seed', (one) => String(one.seed)],
    ['the CPU', (one) => `${one.environment.cpuCores} × ${one.environment.cpuModel}`],
    ['the kernel', (one) => one.environment.kernel],
    ['the platform', (one) => one.environment.platform],
    ['k6', (one) => one.generator.k6],
    ['ragscale', (one) => one.environment.ragscale],
    ['the stack', (one) => `${one.stack.name} ${one.environment.stackHash}`],
    ...tierNames(baseline, run).map((tier) => [`tier ${tier}`, (one: Run) => tierText(one, tier)] as const),
    ...versionNames(baseline, run).map(
      (tier) =>
        [`the version of ${tier}`, (one: Run) => one.environment.versions[tier] ?? 'not known'] as const,
    ),
  ]
  return rows.flatMap(([what, of, refused]) => {
    const [before, after] = [of(baseline), of(run)]
    return before === after ? [] : [{ what, baseline: before, run: after, refused: refused === true }]
  })
}

function tierNames(...runs: Run[]): string[] {
  return [...new Set(runs.flatMap((one) => Object.keys(one.stack.tiers)))]
}

function versionNames(...runs: Run[]): string[] {
  return [...new Set(runs.flatMap((one) => Object.keys(one.environment.versions)))]
}

function tierText(run: Run, name: string): string {
  if (name === 'vector') {
    const { vector } = run.stack.tiers
    if (vector === undefined) return 'absent'
    const { shards, replication, quantization } = vector.collection
    return `${vector.nodes} × ${vector.component}, ${counted(shards, 'shard')} × ${replication}, quantization ${quantization}`
  }
  const tier = Object.entries(run.stack.tiers).find(([other]) => other === name)?.[1]
  if (tier === undefined || !('replicas' in tier)) return 'absent'
  const parts = [`${tier.replicas} × ${tier.component}`, tier.model, tier.gpu].filter(
    (part) => part !== undefined,
  )
  return parts.join(', ')
}
