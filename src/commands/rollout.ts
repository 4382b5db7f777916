import { isDeepStrictEqual } from 'node:util'
import { join } from 'node:path'
import { pid } from 'node:process'
import type { GlobalOptions } from '../cli.ts'
import { ExitCode, UserError } from '../errors.ts'
import { readStackOn } from '../loop/change-command.ts'
import { interruption } from '../loop/interruption.ts'
import { progressView, silentProgress } from '../loop/progress-view.ts'
import { compareReleases } from '../loop/rollout/compare-releases.ts'
import { drive, exitCodeOfOutcome, takeBack } from '../loop/rollout/drive.ts'
import { loadAlone } from '../loop/rollout/load-alone.ts'
import { RolloutRun, type Versions, versionsOf } from '../loop/rollout/run.ts'
import { assertReady, plannedSteps, rolloutOf } from '../loop/rollout/start.ts'
import {
  type RolloutState,
  isUnderWay,
  phaseWords,
  readRollout,
  writeRollout,
} from '../loop/rollout/state.ts'
import { whySame } from '../loop/rollout/version.ts'
import { rolloutJson, rolloutText } from '../loop/rollout/view.ts'
import { planJson, planText } from '../loop/stack-view.ts'
import { styleOf } from '../loop/terminal-style.ts'
import { acquireLock } from '../lock.ts'
import type { Runtime } from '../runtime.ts'
import type { Stack } from '../stack/stack.ts'
import { parseCount, parseDuration, parsePercentage, parseRate } from '../stack/units.ts'
import type { StackTarget } from '../targets/target.ts'

export interface RolloutGlobalOptions extends GlobalOptions {
  readonly runs: string
}

export interface RolloutStartOptions extends RolloutGlobalOptions {
  readonly tier: string
  readonly image?: string
  readonly model?: string
  readonly set: readonly string[]
  readonly rate?: string
  readonly timeout: string
  readonly dryRun: boolean
}

export interface CanaryOptions extends RolloutStartOptions {
  readonly steps: string
  readonly tolerance: string
  readonly errorTolerance: string
  readonly maxWait: string
}

export interface BlueGreenOptions extends RolloutStartOptions {
  readonly duration: string
  readonly soak: string
  readonly keep: boolean
}

/** Of a blue-green rollout, which compares nothing. */
const nothingCompared = { tolerance: 0.1, errorTolerance: 0.005, maxWaitMs: 0 }
/** Of a canary, which tests and soaks by its steps. */
const nothingTested = { durationMs: 0, soakMs: 0, keep: false }

/** Exit 5 when the next version is worse, 6 when it cannot be told; both after going back. */
export async function canary(options: CanaryOptions, runtime: Runtime): Promise<ExitCode> {
  const shares = options.steps
    .split(',')
    .map((share) => parseCount(share.trim().replace(/ ?%$/, ''), '--steps'))
  return await start('canary', options, shares, runtime, {
    ...nothingTested,
    tolerance: parsePercentage(options.tolerance, '--tolerance'),
    errorTolerance: parsePercentage(options.errorTolerance, '--error-tolerance'),
    maxWaitMs: parseDuration(options.maxWait, '--max-wait'),
  })
}

/** Exit 5 when an SLO broke, 6 when the load test is invalid; both after going back. */
export async function bluegreen(options: BlueGreenOptions, runtime: Runtime): Promise<ExitCode> {
  return await start('bluegreen', options, [], runtime, {
    ...nothingCompared,
    durationMs: parseDuration(options.duration, '--duration'),
    soakMs: parseDuration(options.soak, '--soak'),
    keep: options.keep,
  })
}

type OwnSettings = Omit<RolloutState['settings'], 'rate' | 'timeoutMs'>

async function start(
  kind: RolloutState['kind'],
  options: RolloutStartOptions,
  shares: readonly number[],
  runtime: Runtime,
  settings: OwnSettings,
): Promise<ExitCode> {
  const { tier, image, model, set, timeout } = options
  const rate = options.rate === undefined ? null : parseRate(options.rate, '--rate')
  const timeoutMs = parseDuration(timeout, '--timeout')
  const { stack, target } = await readStackOn(options, runtime)
  const asked = {
    kind,
    tier,
    version: { image, model, set },
    shares,
    settings: { ...settings, rate, timeoutMs },
  }
  const state = await rolloutOf(asked, stack, runtime)
  const before = await readRollout(stack.folder)
  if (isUnderWay(before)) {
    if (!isSame(before, state)) throw otherUnderWay(before)
    if (options.dryRun) throw otherUnderWay(before)
    return await underLock(stack, target, options, runtime, async (open) => {
      const run = await open(before)
      if (!options.quiet) runtime.stderr.write(goingOn(before, state))
      return await goOn(run, options, runtime)
    })
  }
  const versions = versionsOf(state, stack, runtime.cwd)
  if (options.dryRun) {
    await assertReady(state, versions, target, runtime, options)
    const steps = plannedSteps(state, versions)
    runtime.stdout.write(options.json ? planJson(stack, steps) : planText(steps))
    return ExitCode.ok
  }
  return await underLock(stack, target, options, runtime, async (open, signal) => {
    await assertReady(state, versions, target, runtime, { ...options, signal })
    const same = whySame(state.edits, state.tier, stack)
    if (same !== null && !options.quiet) runtime.stderr.write(`${same}\n`)
    const run = await open(state)
    await writeRollout(stack.folder, state)
    return await goOn(run, options, runtime)
  })
}

function isSame(before: RolloutState, asked: RolloutState): boolean {
  return (
    before.kind === asked.kind && before.tier === asked.tier && isDeepStrictEqual(before.edits, asked.edits)
  )
}

/** The same version again goes on with what was begun; by other numbers it would be another rollout. */
function goingOn(before: RolloutState, asked: RolloutState): string {
  const numbers = ({ shares, settings }: RolloutState) => ({ shares, settings })
  const same = isDeepStrictEqual(numbers(before), numbers(asked))
  return `going on with the rollout that was begun at ${before.startedAt}, ${phaseWords(before)}${same ? '' : '\nby the steps and settings that it was begun with: ragscale rollout abort   first, for others'}\n`
}

/** Goes on with what was killed, and ends what is kept. */
export async function resumeRollout(options: RolloutGlobalOptions, runtime: Runtime): Promise<ExitCode> {
  const { stack, target } = await readStackOn(options, runtime)
  return await underLock(
    stack,
    target,
    options,
    runtime,
    async (open) => await goOn(await open(await underWay(stack)), options, runtime),
  )
}

/** Back to the version that was there. */
export async function abortRollout(options: RolloutGlobalOptions, runtime: Runtime): Promise<ExitCode> {
  const { stack, target } = await readStackOn(options, runtime)
  return await underLock(stack, target, options, runtime, async (open) => {
    const run = await open(await underWay(stack))
    await takeBack(run, 'rolled back', 'ragscale rollout abort')
    show(run.state, stack, options, runtime)
    return ExitCode.ok
  })
}

/** Where a rollout is, or what came of the last one. */
export async function rolloutStatus(options: RolloutGlobalOptions, runtime: Runtime): Promise<ExitCode> {
  const { stack } = await readStackOn(options, runtime)
  const state = await readRollout(stack.folder)
  if (state === null && !options.json) runtime.stdout.write(`${stack.name} has had no rollout\n`)
  else if (state !== null || options.json) show(state, stack, options, runtime)
  return ExitCode.ok
}

async function underWay(stack: Stack): Promise<RolloutState> {
  const state = await readRollout(stack.folder)
  if (isUnderWay(state)) return state
  throw new UserError(`no rollout of ${stack.name} is under way`, {
    hint: 'ragscale rollout canary <tier> --image …   begins one',
    exitCode: ExitCode.usage,
    code: 'usage',
  })
}

function otherUnderWay(state: RolloutState): UserError {
  return new UserError(`a rollout is under way: ${state.tier} to ${state.version}, ${phaseWords(state)}`, {
    hint: 'ragscale rollout resume   goes on with it; ragscale rollout abort   goes back',
    exitCode: ExitCode.usage,
    code: 'rollout-under-way',
  })
}

function otherTarget({ target, tier }: RolloutState): UserError {
  return new UserError(`the rollout of ${tier} is on target ${target}`, {
    hint: `add --target ${target}`,
    exitCode: ExitCode.usage,
    code: 'usage',
  })
}

/** To its end, and what came of it. */
async function goOn(run: RolloutRun, options: RolloutGlobalOptions, runtime: Runtime): Promise<ExitCode> {
  await drive(run)
  show(run.state, run.versions.now, options, runtime)
  return exitCodeOfOutcome(run.state.outcome)
}

function show(
  state: RolloutState | null,
  stack: Stack,
  { json }: Pick<GlobalOptions, 'json'>,
  { stdout }: Pick<Runtime, 'stdout'>,
): void {
  if (json || state === null) stdout.write(rolloutJson(stack.name, state))
  else stdout.write(rolloutText(state))
}

/** One at a time: two would each shift what the other measures. */
async function underLock(
  stack: Stack,
  target: StackTarget,
  options: RolloutGlobalOptions,
  runtime: Runtime,
  act: (open: (state: RolloutState) => Promise<RolloutRun>, signal: AbortSignal) => Promise<ExitCode>,
): Promise<ExitCode> {
  const lock = await acquireLock(
    join(stack.folder, '.ragscale', 'rollout.lock'),
    { pid, what: 'ragscale rollout', since: new Date(runtime.now()).toISOString() },
    'a rollout of this stack is being made already',
  )
  const style = styleOf(runtime.stderr, runtime, options.color)
  const view = options.quiet ? silentProgress : progressView(runtime.stderr, style, () => runtime.now())
  // It goes back by itself after the first, which takes a while; whoever does not wait for that kills it.
  const interrupt = interruption(runtime, 'nothing was changed', Infinity)
  let begun = false
  try {
    return await act(async (state) => {
      // Whoever gave it up while it was being prepared wants none of it.
      interrupt.throwIfCame()
      if (state.target !== stack.target) throw otherTarget(state)
      const versions: Versions = versionsOf(state, stack, runtime.cwd)
      const context = {
        measuring: { compare: compareReleases, loadAlone },
        runtime,
        target,
        signal: interrupt.signal,
        say: (text: string) => view.onProgress({ kind: 'note', text }),
        onProgress: view.onProgress,
        yes: options.yes,
        runsFolder: options.runs,
      }
      begun = true
      return new RolloutRun(context, versions, state)
    }, interrupt.signal)
  } catch (error) {
    throw begun || error instanceof UserError ? error : interrupt.explain(error)
  } finally {
    interrupt.stop()
    view.end()
    await lock.release()
  }
}
