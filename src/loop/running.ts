import type { RunningUrls } from '../load/endpoints.ts'
import type { ResourceSample } from '../recording/resources.ts'
import type { Runtime } from '../runtime.ts'
import type { EndpointName } from '../stack/stack.ts'

/** A stack that runs, as a load test needs to know it; every target gives one. */
export interface RunningStack {
  /** Where each tier is called. */
  readonly urls: RunningUrls
  /** Whether any tier is an emulator. */
  readonly emulated: boolean
  /**
   * By tier: `tei 1.9.0`, `qdrant@sha256:…`; empty where the target cannot say. A target that somebody else runs
   * is asked, and of nothing but the endpoints named.
   */
  versions(called: readonly EndpointName[]): Promise<Readonly<Record<string, string>>>
  /** By environment variable: what its tiers ask callers for. In memory only. */
  readonly secrets: Readonly<Record<string, string>>
  /** This process, as the holder of the stack's lock. */
  readonly pid: number
  /** What the replicas used since the last call; empty where the target cannot look. */
  sample(): Promise<readonly ResourceSample[]>
  /** Gives up what was opened to reach it. */
  close(): Promise<void>
}

/** The same runtime, whose environment also holds what the stack's tiers ask callers for. */
export function knowing(runtime: Runtime, { secrets }: Pick<RunningStack, 'secrets'>): Runtime {
  return Object.keys(secrets).length === 0 ? runtime : { ...runtime, env: { ...runtime.env, ...secrets } }
}
