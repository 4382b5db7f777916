/** What a rollout has come to, on the disk: whoever is killed in the middle of one is followed by the next call. */
import { readFile, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { z } from 'zod'
import { diskError } from '../../disk-error.ts'
import { ExitCode, UserError, messageOf } from '../../errors.ts'
import { makeFolder } from '../../folder.ts'
import { type Target, splitTiers, targets } from '../../stack/stack.ts'
import { writeWhole } from '../../whole-file.ts'

const amount = z.number().nonnegative()

/** How it is decided. */
export const rolloutSettings = z.object({
  /** A second, of the whole tier: each replica of both releases is loaded as one of it. */
  rate: z.number().positive(),
  tolerance: z.number().positive(),
  errorTolerance: z.number().positive(),
  /** How long a step may go on looking before it cannot tell. */
  maxWaitMs: amount,
  /** Blue-green: of its load test. */
  durationMs: amount,
  /** Blue-green: between the switch and the end of the version before. */
  soakMs: amount,
  /** Blue-green: the version before goes on running until it is told otherwise. */
  keep: z.boolean(),
  /** How long replicas may take to become healthy. */
  timeoutMs: amount,
})
export type RolloutSettings = z.output<typeof rolloutSettings>

const row = z.object({
  metric: z.string(),
  unit: z.enum(['ms', 'ratio']),
  current: z.number().nullable(),
  next: z.number().nullable(),
  change: z.number().nullable(),
  interval: z.tuple([z.number().nullable(), z.number().nullable()]),
  tolerance: z.number(),
  verdict: z.enum(['as good', 'worse', 'cannot tell']),
})

/** What was seen of one step when it was decided. */
export const stepRecord = z.object({
  /** Of 100 requests. */
  share: amount,
  verdict: z.enum(['as good', 'worse', 'cannot tell']),
  seconds: amount,
  looks: z.int().nonnegative(),
  /** Requests that each release was measured with, and the rate a replica of it. */
  requests: z.object({ current: amount, next: amount }),
  ratePerReplica: amount,
  /** How many times as many samples would tell; null: no number would. */
  moreSamples: amount.nullable(),
  rows: z.array(row),
})
export type StepRecord = z.output<typeof stepRecord>

export const outcomes = ['promoted', 'rolled back: worse', 'rolled back: cannot tell', 'rolled back'] as const
export type Outcome = (typeof outcomes)[number]

export const rolloutState = z.object({
  schema: z.literal('ragscale.rollout-state/1'),
  kind: z.enum(['canary', 'bluegreen']),
  tier: z.enum(splitTiers),
  target: z.enum(targets),
  /** What becomes of `ragscale.yaml`. */
  edits: z.array(z.object({ path: z.string(), value: z.json() })),
  /** In words: `image registry.example/vllm:v0.31.0`. */
  version: z.string(),
  /** `ragscale.yaml` as it was when the rollout began: what runs is held to that, whatever is edited meanwhile. */
  file: z.string(),
  /** Shares of a canary, of 100. */
  shares: z.array(amount),
  settings: rolloutSettings,
  startedAt: z.string(),
  /**
   * `shifting`: a canary at `step`; `testing`: blue-green, before the switch; `soaking`, `kept`: after it;
   * `finishing`: proven, and being made the only one; `returning`: on its way back; `ended`.
   */
  phase: z.enum(['shifting', 'testing', 'soaking', 'kept', 'finishing', 'returning', 'ended']),
  /** Of `returning`: whether the version before was being replaced already. */
  finishing: z.boolean(),
  /** Index in `shares`. */
  step: z.int().nonnegative(),
  records: z.array(stepRecord),
  /** Blue-green: its load test. */
  run: z.string().nullable(),
  /** Of `returning` and `ended`. */
  outcome: z.enum(outcomes).nullable(),
  because: z.string().nullable(),
})
export type RolloutState = z.output<typeof rolloutState>

export function stateFileOf(folder: string): string {
  return join(folder, '.ragscale', 'rollout.json')
}

/** Null where there never was a rollout. @throws UserError when the file cannot be read */
export async function readRollout(folder: string): Promise<RolloutState | null> {
  const path = stateFileOf(folder)
  let text: string
  try {
    text = await readFile(path, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null
    throw unreadable(path, error)
  }
  try {
    return rolloutState.parse(JSON.parse(text))
  } catch (error) {
    throw unreadable(path, error)
  }
}

/** Whole or not at all. */
export async function writeRollout(folder: string, state: RolloutState): Promise<void> {
  const path = stateFileOf(folder)
  try {
    await makeFolder(dirname(path))
    await writeWhole(path, `${JSON.stringify(state, null, 2)}\n`)
  } catch (error) {
    throw diskError(`could not write ${path}`, error)
  }
}

/** What ran on a target is gone, and a rollout of it with it. */
export async function forgetRollout(folder: string, target: Target): Promise<void> {
  // One that cannot be read tells nobody anything, and nothing runs that it could be about.
  const state = await readRollout(folder).catch(() => null)
  if (state === null || state.target === target) await rm(stateFileOf(folder), { force: true })
}

/** Whether a second version may be running. */
export function isUnderWay(state: RolloutState | null): state is RolloutState {
  return state !== null && state.phase !== 'ended'
}

/**
 * For commands that bring what runs to what the file says: they would take the second version away.
 * @throws UserError (exit 2) while a rollout is under way
 */
export async function assertNoRollout(folder: string, what: string): Promise<void> {
  const state = await readRollout(folder)
  if (!isUnderWay(state)) return
  throw new UserError(
    `${what} would undo what a rollout of ${state.tier} is at: ${state.version}, ${phaseWords(state)}`,
    {
      hint: 'ragscale rollout resume   goes on with it; ragscale rollout abort   goes back; ragscale rollout status   shows it',
      exitCode: ExitCode.usage,
      code: 'rollout-under-way',
    },
  )
}

/** `at 25 % of the requests`. */
export function phaseWords({ phase, shares, step, outcome, because }: RolloutState): string {
  switch (phase) {
    case 'shifting':
      return `at ${shares[step] ?? 100} % of the requests (step ${step + 1} of ${shares.length})`
    case 'testing':
      return 'before the switch'
    case 'soaking':
      return 'switched; the version before still runs'
    case 'kept':
      return 'switched; the version before is kept until it is told otherwise'
    case 'finishing':
      return 'proven, and being made the only version'
    case 'returning':
      return `on its way back${because === null ? '' : `: ${because}`}`
    case 'ended':
      return outcome ?? 'ended'
  }
}

function unreadable(path: string, error: unknown): UserError {
  return new UserError(`could not read ${path}: ${messageOf(error)}`, {
    hint: 'It says how far a rollout has come. Without it, ragscale up brings the stack back to ragscale.yaml: remove the file, then run it.',
    cause: error,
  })
}
