/** What is watched of a topology: a job a workload that shows metrics, with what the catalogue knows of it. */
import { componentNamed } from '../../catalog/catalog.ts'
import type { Component } from '../../catalog/component.ts'
import type { Observed } from '../../catalog/observed.ts'
import type { Stack } from '../../stack/stack.ts'
import type { RenderTarget, Topology, Workload } from '../topology.ts'
import { type Scope, scopeOfRules } from './scope.ts'

export interface Job {
  /** Of the workload; Prometheus' label `job`. */
  readonly name: string
  readonly tier: string
  readonly workload: Workload
  readonly component: Component | undefined
  readonly observed: Observed | undefined
}

export interface Watched {
  readonly stack: Stack
  readonly target: RenderTarget
  readonly scope: Scope
  /** In the order of the topology. */
  readonly jobs: readonly Job[]
}

export function watchedOf(topology: Topology): Watched {
  return {
    stack: topology.stack,
    target: topology.target,
    scope: scopeOfRules(topology.target, topology.stack.name),
    jobs: topology.workloads
      .filter((workload) => workload.kind !== 'job' && workload.metrics !== null)
      .map((workload) => {
        const component = componentNamed(workload.component)
        const { name, tier } = workload
        return { name, tier, workload, component, observed: observedOf(component, tier, topology.stack) }
      }),
  }
}

/** The job of a tier; undefined where nothing of it is watched. */
export function jobOf(watched: Watched, tier: string): Job | undefined {
  return watched.jobs.find((job) => job.tier === tier)
}

/** Jobs of the stack's own tiers: not of what only watches them. */
export function tierJobs(watched: Watched): readonly Job[] {
  return watched.jobs.filter((job) => job.tier !== 'observability')
}

/** What is watched of a component in a tier of the stack. */
export function observedOf(
  component: Component | undefined,
  tier: string,
  stack: Stack,
): Observed | undefined {
  const observed = component?.observed
  return typeof observed === 'function' ? observed(tier, stack) : observed
}
