/** What the namespace may never go beyond: `quota` of values.yaml, from the stack's `limits`. */
import { scaledTiers } from '../../stack/stack.ts'
import { said, section, type Tree } from '../compose/document.ts'
import type { Topology, Workload } from '../topology.ts'

export function quotaValues(topology: Topology): Tree {
  const { limits } = topology.stack
  const enabled = limits.gpus !== null || limits.replicas !== null
  return section('Of the whole namespace, whatever else runs there: install the stack in one of its own.', {
    enabled,
    hard: {
      ...(limits.gpus === null
        ? {}
        : { 'requests.nvidia.com/gpu': said(`limits.gpus: ${limits.gpus}.`, String(limits.gpus)) }),
      ...(limits.replicas === null ? {} : { pods: podsOf(topology, limits.replicas) }),
    },
  })
}

function podsOf({ workloads }: Topology, most: number): Tree {
  const scaled = workloads.filter(isScaled)
  const others = workloads.filter((workload) => !isScaled(workload) && workload.kind !== 'job')
  const jobs = workloads.filter(({ kind }) => kind === 'job')
  const fixed = others.reduce((sum, { count }) => sum + count, 0)
  const surge = scaled.length + others.length
  const pods = scaled.length * most + fixed + surge + jobs.length
  return said(
    `${scaled.length} tiers of at most ${most} (limits.replicas), ${fixed} other pods, one more of each while it rolls, ${jobs.length} jobs.`,
    String(pods),
  )
}

function isScaled({ name }: Workload): boolean {
  return (scaledTiers as readonly string[]).includes(name)
}
