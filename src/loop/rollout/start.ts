/** Whether a rollout may begin, and what it will do: everything that can be refused is, before anything is changed. */
import { readFile } from 'node:fs/promises'
import { ExitCode, UserError } from '../../errors.ts'
import { targetOf } from '../../load/endpoints.ts'
import { findK6 } from '../../load/k6/find.ts'
import { assertWithinLimits, confirmLoad, extentOfLoads } from '../../load/safety.ts'
import { planScenario } from '../../load/scenario.ts'
import { duration, figure } from '../../report/format.ts'
import type { Runtime } from '../../runtime.ts'
import type { Stack } from '../../stack/stack.ts'
import type { Observed, StackTarget, Step } from '../../targets/target.ts'
import { connectTo } from '../connection.ts'
import { leastLookMs, stageOfTier } from './compare-releases.ts'
import { type Versions, sickOf, versionsOf } from './run.ts'
import type { RolloutSettings, RolloutState } from './state.ts'
import {
  type AskedVersion,
  assertRoomForBoth,
  replicasAt,
  splitTierOf,
  tierOf,
  versionOf,
} from './version.ts'

export interface AskedRollout {
  readonly kind: RolloutState['kind']
  readonly tier: string
  readonly version: AskedVersion
  readonly shares: readonly number[]
  readonly settings: Omit<RolloutSettings, 'rate'> & { readonly rate: number | null }
}

/** As it begins. @throws UserError (exit 2) for what cannot be rolled out */
export async function rolloutOf(asked: AskedRollout, stack: Stack, runtime: Runtime): Promise<RolloutState> {
  const tier = splitTierOf(asked.tier, stack)
  const { edits, words } = versionOf(tier, tierOf(stack, tier).component, asked.version)
  checkNumbers(asked)
  const file = await readFile(stack.file, 'utf8')
  const state: RolloutState = {
    schema: 'ragscale.rollout-state/1',
    kind: asked.kind,
    tier,
    target: stack.target,
    edits: edits.map(({ path, value }) => ({ path, value: (value ?? null) as string | null })),
    version: words,
    file,
    shares: [...asked.shares],
    settings: { ...asked.settings, rate: asked.settings.rate ?? stack.workload.rate },
    startedAt: new Date(runtime.now()).toISOString(),
    phase: asked.kind === 'canary' ? 'shifting' : 'testing',
    finishing: false,
    step: 0,
    records: [],
    run: null,
    outcome: null,
    because: null,
  }
  const { now, next } = versionsOf(state, stack, runtime.cwd)
  assertRoomForBoth(file, now, next, tier, runtime.cwd)
  if (stack.target === 'kubernetes' && edits.some(({ path }) => path !== `tiers.${tier}.image`)) {
    throw usage(
      `on kubernetes the second version of a chart differs by its image, and this one by ${words}`,
      'change it in ragscale.yaml and run ragscale up, which replaces one pod after another; or roll it out on compose',
    )
  }
  const stage = stageOfTier[tier]
  if (asked.kind === 'bluegreen' && !next.slo.some((slo) => slo.stage === stage)) {
    throw usage(
      `ragscale.yaml has no SLO of stage ${stage}, by which the load test of the next version would be decided`,
      `add one under slo.${stage}; or take a canary, which compares both versions`,
    )
  }
  return state
}

function checkNumbers({ kind, shares, settings }: AskedRollout): void {
  const grows = shares.every((share, index) => share > (shares[index - 1] ?? 0) && share <= 100)
  if (kind === 'canary' && (!grows || shares.at(-1) !== 100)) {
    throw usage(
      `--steps ${shares.join(',')}: expected shares of 100 that grow and end with 100`,
      'try --steps 5,25,50,100',
    )
  }
  if (kind === 'canary' && settings.maxWaitMs < leastLookMs) {
    throw usage(
      `--max-wait ${duration(settings.maxWaitMs)} is too short to tell anything`,
      `a step needs ${duration(leastLookMs)} at least, and hundreds of requests: try --max-wait 10m`,
    )
  }
}

/**
 * Whether what runs can be rolled out: all of it runs, is healthy and is what the file says; the target can split the
 * tier; k6 is here; the load is within limits and agreed to.
 */
export async function assertReady(
  state: RolloutState,
  { now, next }: Versions,
  target: StackTarget,
  runtime: Runtime,
  options: { readonly yes: boolean; readonly dryRun: boolean; readonly signal?: AbortSignal },
): Promise<Observed> {
  const { tier } = state
  const refusal =
    target.rollout === undefined
      ? `${now.target} cannot run two versions of a tier side by side: change it in ragscale.yaml and run ragscale up, which replaces one replica after another`
      : target.rollout.refusal(now, tier)
  if (refusal !== null) throw usage(refusal)
  const observed = await target.observe(now)
  if (!observed.running) throw notReady(`${now.name} does not run`, 'ragscale up')
  const obstacle = target.rollout?.obstacle?.(now, tier, observed) ?? null
  if (obstacle !== null) throw usage(obstacle.why, obstacle.hint)
  const sick = sickOf(observed, tier)
  if (sick.length > 0) throw notReady(sick.join(', '), 'ragscale status')
  const differs = target.plan(now, observed, 'ragscale.yaml')
  if (differs.length > 0) {
    throw notReady(
      `what runs is not what ragscale.yaml says: ${differs.map(({ what }) => what).join('; ')}`,
      'ragscale up   first, so that nothing but the version changes',
    )
  }
  if (options.dryRun) return observed
  await findK6(runtime, options.signal === undefined ? {} : { signal: options.signal })
  await allowLoad(state, { now, next }, target, observed, runtime, options)
  return observed
}

/** Both releases at once, for as long as every step may take. */
async function allowLoad(
  { tier, settings, kind, shares }: RolloutState,
  { now }: Versions,
  target: StackTarget,
  observed: Observed,
  runtime: Runtime,
  { yes }: { readonly yes: boolean },
): Promise<void> {
  const stage = stageOfTier[tier]
  const connection = await connectTo(target, observed)
  try {
    const called = targetOf(stage, now, connection.endpoints)
    const steps = kind === 'canary' ? shares.length : 1
    const plan = planScenario(
      {
        stage,
        scenario: 'steady',
        rate: kind === 'canary' ? 2 * settings.rate : settings.rate,
        durationMs: kind === 'canary' ? steps * settings.maxWaitMs : settings.durationMs,
      },
      now,
    )
    const extent = extentOfLoads([{ target: called, plan }])
    assertWithinLimits(extent, now.limits)
    await confirmLoad(extent, runtime, { yes })
  } finally {
    await connection.close()
  }
}

/** What it will do, as data, for `--dry-run`. Pure but for the target's own plan of the first step. */
export function plannedSteps(state: RolloutState, { now, next }: Versions): Step[] {
  const { tier, settings, shares, version, kind } = state
  const current = tierOf(now, tier).replicas
  const all = tierOf(next, tier).replicas
  const perReplica = `${figure(settings.rate / current)}/s a replica`
  const step = (what: string, because: string): Step => ({ what, because, tier })
  const last = [
    step(
      `set ${state.edits.map(({ path }) => path).join(', ')} in ragscale.yaml`,
      'the next version is proven',
    ),
    step(`replace ${tier}, then take the second version away`, 'one version is to be left'),
  ]
  if (kind === 'bluegreen') {
    return [
      step(
        `start ${all} of ${tier} with ${version}`,
        'the whole next version comes up first, without requests',
      ),
      step(`load them for ${duration(settings.durationMs)} at ${figure(settings.rate)}/s`, 'the SLOs decide'),
      step(`give them all requests at once`, 'where every SLO holds'),
      ...(settings.keep
        ? []
        : [step(`wait ${duration(settings.soakMs)}`, 'the version before stays at hand')]),
      ...(settings.keep ? [] : last),
    ]
  }
  return [
    ...shares.flatMap((share) => [
      step(
        `give ${share} % of the requests to ${replicasAt(share, current)} of ${tier} with ${version}`,
        `beside ${current} of the current version`,
      ),
      step(
        `load both at ${perReplica} and compare, for ${duration(settings.maxWaitMs)} at most`,
        'each step is proven before the next',
      ),
    ]),
    ...last,
  ]
}

function notReady(message: string, hint: string): UserError {
  return new UserError(message, { hint, exitCode: ExitCode.unhealthy, code: 'not-ready' })
}

function usage(message: string, hint?: string): UserError {
  return new UserError(message, {
    ...(hint === undefined ? {} : { hint }),
    exitCode: ExitCode.usage,
    code: 'usage',
  })
}
