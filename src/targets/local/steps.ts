/** What a local stack was found to be, and what there is to do about it, as data. */
import type { ProcessStatus, WantedProcess } from '../../supervision.ts'
import type { Topology } from '../qdrant/cluster.ts'
import type { Move } from '../qdrant/placement.ts'
import type { Observed, Step } from '../target.ts'

/** The supervisor of a stack, as it was found. */
export type FoundSupervisor =
  | { readonly kind: 'none' }
  /** It was killed and left its state behind. */
  | { readonly kind: 'gone'; readonly pid: number }
  /** It runs and does not answer. */
  | { readonly kind: 'silent'; readonly pid: number }
  | { readonly kind: 'running'; readonly pid: number; readonly processes: readonly ProcessStatus[] }

export interface LocalObserved extends Observed {
  readonly supervisor: FoundSupervisor
  /** Folders of ours that hold something. */
  readonly has: { readonly logs: boolean; readonly data: boolean }
  readonly vector: {
    /** Numbers of the nodes that have stored something, running or not. */
    readonly nodesWithData: readonly number[]
    /** Who holds which shard; null when no node could be asked. */
    readonly topology: Topology | null
  }
}

type Action =
  | {
      readonly kind: 'start-supervisor'
      readonly stack: string
      /** What must not be there afterwards when starting is interrupted: folders that did not exist before. */
      readonly undo: readonly string[]
    }
  /** Also replaces: the supervisor ends what runs under that id and is not as wanted. */
  | { readonly kind: 'want'; readonly process: WantedProcess }
  | { readonly kind: 'stop'; readonly id: string; readonly name: string }
  | { readonly kind: 'stop-supervisor' }
  | { readonly kind: 'kill-supervisor'; readonly pid: number }
  | { readonly kind: 'remove'; readonly path: string }
  | { readonly kind: 'shard'; readonly move: Move }
  | { readonly kind: 'remove-peer'; readonly node: string }

/** A step before it is known when it comes. */
export type PlannedStep = Step & Action

/** Steps of one wave are done together, one wave after another. */
export type LocalStep = PlannedStep & { readonly wave: number }

export function inWaves(waves: readonly (readonly PlannedStep[])[]): LocalStep[] {
  return waves
    .filter((steps) => steps.length > 0)
    .flatMap((steps, wave) => steps.map((step) => ({ ...step, wave })))
}

/** As users see it: a balancer's id is its tier's name, for the sake of its address. */
export function nameOf({ id, tier, replica }: Pick<WantedProcess, 'id' | 'tier' | 'replica'>): string {
  return replica === null ? `${tier}-balancer` : id
}
