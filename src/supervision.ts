/**
 * What the local target and its supervisor say to each other. Neither imports the other: the target decides
 * which processes a stack needs, the supervisor keeps them running, and this is the contract between them.
 */
import { z } from 'zod'

/** Changes when a supervisor of another version could no longer be understood. */
export const supervisionVersion = 'ragscale.local/1'

/**
 * One process of a stack. `config` is what its service is configured with (services/process.ts), in which
 * `{ "$port": "embed-1" }` and `{ "$url": "vector-1/peer" }` stand for addresses that only the supervisor
 * knows: a process has the address of its id, and one `id/name` for each further port.
 */
export const wantedProcess = z.object({
  /** `embed-2`; a tier's balancer is called like the tier. */
  id: z.string().regex(/^[a-z][a-z0-9-]*$/),
  tier: z.string(),
  /** Counted from 1; null for the tier's balancer. */
  replica: z.int().positive().nullable(),
  /** Of a replica of the second version, while a rollout is under way. */
  release: z.literal('next').exactOptional(),
  component: z.string(),
  /** Absolute path of the service's main module. */
  main: z.string(),
  config: z.record(z.string(), z.json()),
  /** Names of ports beside its own. */
  ports: z.array(z.string()),
  /** Not begun before these are healthy: ids, or tiers, of which one healthy replica will do. */
  after: z.array(z.string()),
  health: z
    .object({
      /** 2xx when it may be given work. */
      ready: z.string(),
      /** 2xx as long as it need not be restarted. */
      live: z.string(),
      intervalMs: z.number().positive(),
      timeoutMs: z.number().positive(),
      /** Failures in a row before it is believed. */
      failures: z.int().positive(),
    })
    .nullable(),
  /** From the fork until healthy; then it is killed, and tried again. */
  startTimeoutMs: z.number().positive(),
})
export type WantedProcess = z.output<typeof wantedProcess>

/** A replica's name in its tier: `2`, or `next-2` of the second version; `balancer`. */
export function replicaName({ replica, release }: Pick<WantedProcess, 'replica' | 'release'>): string {
  if (replica === null) return 'balancer'
  return release === undefined ? String(replica) : `${release}-${replica}`
}

/**
 * `waiting`: for others to be healthy; `starting`; `healthy`; `unhealthy`: runs and is given no work;
 * `restarting`: died, and is started again after a pause; `failing`: died so often that the pauses are long;
 * `stopping`.
 */
export const processStates = [
  'waiting',
  'starting',
  'healthy',
  'unhealthy',
  'restarting',
  'failing',
  'stopping',
] as const
export type ProcessState = (typeof processStates)[number]

const amount = z.number().nonnegative().nullable()

export const processStatus = z.object({
  wanted: wantedProcess,
  state: z.enum(processStates),
  pid: z.int().nullable(),
  /** By address (see above); a port stays a process's own for as long as the stack runs. */
  ports: z.record(z.string(), z.int()),
  /** Milliseconds since 1970; of the process that runs now. */
  startedAt: z.number().nullable(),
  restarts: z.int(),
  /** Why it is in this state, in words; null when healthy. */
  because: z.string().nullable(),
  /** The last lines that it wrote, when something is wrong. */
  lastLines: z.array(z.string()),
  /** Over the last second. */
  cpuCores: amount,
  memoryBytes: amount,
})
export type ProcessStatus = z.output<typeof processStatus>

export const supervisorStatus = z.object({
  version: z.literal(supervisionVersion),
  pid: z.int(),
  stack: z.string(),
  startedAt: z.number(),
  processes: z.array(processStatus),
})
export type SupervisorStatus = z.output<typeof supervisorStatus>

/** What one replica used and did during about a second. */
export const supervisedSample = z.object({
  /** Grows by one a sample, over all replicas: asking for what came after one loses and repeats nothing. */
  sequence: z.int(),
  at: z.number(),
  tier: z.string(),
  replica: z.string(),
  cpuCores: amount,
  memoryBytes: amount,
  queue: amount,
  overrunMs: amount,
  emulated: z.object({ answers: z.int(), late: z.record(z.string(), z.int()) }).nullable(),
})
export type SupervisedSample = z.output<typeof supervisedSample>

/** `state.json`, mode 0600: how to reach the supervisor of a stack. */
export const stateFile = z.object({
  version: z.string(),
  pid: z.int(),
  /** Tells this process from a later one of the same id; null where the system does not say. */
  processStart: z.string().nullable(),
  port: z.int(),
  token: z.string(),
  stack: z.string(),
})
export type StateFile = z.output<typeof stateFile>

/** Over the IPC channel, from whoever starts a supervisor; it goes with its parent until it is told to stay. */
export type ToSupervisor = { type: 'boot'; stack: string; folder: string } | { type: 'stay' }
export type FromSupervisor = { type: 'ready'; state: StateFile } | { type: 'failed'; message: string }
