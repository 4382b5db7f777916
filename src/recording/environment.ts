/** What a run records of where it ran, so that runs are compared only where they may be. */
import { createHash } from 'node:crypto'
import os from 'node:os'
import { version as nodeVersion } from 'node:process'
import { z } from 'zod'
import type { Stack } from '../stack/stack.ts'
import { recordStack } from './recorded-stack.ts'

export const environment = z.object({
  ragscale: z.string(),
  node: z.string(),
  /** Operating system and architecture, `linux/x64`. */
  platform: z.string(),
  kernel: z.string(),
  cpuModel: z.string(),
  cpuCores: z.number().int().nonnegative(),
  memoryBytes: z.number().nonnegative(),
  /** SHA-256 of the stack's components, counts and workload, without its SLOs and limits: what was measured. */
  stackHash: z.string(),
  /** Versions and digests of what ran, by tier, where the target can say: `tei 1.9.0`, `qdrant@sha256:…`. */
  versions: z.record(z.string(), z.string()),
})

export type Environment = z.output<typeof environment>

/**
 * This machine, and the stack that runs.
 * @param versions by tier, as the target reports them
 */
export function describeEnvironment(
  stack: Stack,
  ragscaleVersion: string,
  versions: Readonly<Record<string, string>> = {},
): Environment {
  const cpus = os.cpus()
  return {
    ragscale: ragscaleVersion,
    node: nodeVersion,
    platform: `${os.platform()}/${os.arch()}`,
    kernel: os.release(),
    cpuModel: cpus[0]?.model.trim() ?? 'unknown',
    cpuCores: os.availableParallelism(),
    memoryBytes: os.totalmem(),
    stackHash: stackHash(stack),
    versions,
  }
}

/** The same for two stacks exactly when they would be measured as the same system under the same workload. */
export function stackHash(stack: Stack): string {
  const { slo: _slo, limits: _limits, name: _name, ...measured } = recordStack(stack)
  return createHash('sha256').update(canonical(measured)).digest('hex').slice(0, 16)
}

function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`
  if (typeof value !== 'object' || value === null) return JSON.stringify(value) ?? 'null'
  const fields = Object.entries(value)
    .filter(([, field]) => field !== undefined)
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
  return `{${fields.map(([name, field]) => `${JSON.stringify(name)}:${canonical(field)}`).join(',')}}`
}
