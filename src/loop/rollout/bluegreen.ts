/** Blue-green: the whole next version comes up, is load-tested by itself, and takes all requests over at once. */
import { setTimeout as sleep } from 'node:timers/promises'
import { releaseHeader } from '../../catalog/releases.ts'
import { ExitCode, UserError } from '../../errors.ts'
import type { Recording } from '../../recording/files.ts'
import { duration } from '../../report/format.ts'
import { openRunning } from '../open.ts'
import { measure } from '../measure.ts'
import { publish } from '../publish.ts'
import { stageOfTier } from './compare-releases.ts'
import { finish, goBack } from './ending.ts'
import { type RolloutRun, sickOf } from './run.ts'
import { releaseVariable } from './sampler.ts'
import { tierOf } from './version.ts'

const lookMs = 1_000

/** Goes on from the phase that it has come to; what is kept stays so until it is told otherwise. */
export async function goOnBlueGreen(run: RolloutRun): Promise<void> {
  const { context, versions, state } = run
  const { replicas } = tierOf(versions.next, state.tier)
  if (state.phase === 'testing') {
    context.say(
      `${replicas} of the next version of ${state.tier} start beside the current ones, and get no requests`,
    )
    await run.bring(run.both(replicas, 0))
    const { run: tested } = await loadAlone(run)
    await run.save({ run: tested.id })
    if (tested.verdict !== 'pass') {
      const why = [
        ...tested.verdictBecause,
        ...tested.slo.filter(({ ok }) => !ok).map(({ on }) => `${on} broke`),
      ]
      const because = `its load test (${tested.id}) ended with ${tested.verdict}${why.length === 0 ? '' : `: ${why.join('; ')}`}`
      await goBack(
        run,
        tested.verdict === 'fail' ? 'rolled back: worse' : 'rolled back: cannot tell',
        because,
      )
      return
    }
    context.say(`its load test passed (${tested.id}); all requests go to it now`)
    await run.bring(run.both(replicas, 100))
    await run.save({ phase: 'soaking' })
  }
  if (run.state.phase === 'soaking') {
    const sick = await soak(run)
    if (sick !== null) {
      await goBack(run, 'rolled back: worse', `after the switch ${sick}`)
      return
    }
    if (state.settings.keep) {
      await run.save({ phase: 'kept' })
      return
    }
  }
  await finish(run)
}

/** The next version alone, at the load of the whole tier: the SLOs of the stack decide. */
async function loadAlone(run: RolloutRun): Promise<Recording> {
  const { context, versions, state } = run
  const running = await openRunning(versions.next, context.runtime)
  try {
    const measured = await measure(
      {
        stack: versions.next,
        running,
        stages: [stageOfTier[state.tier]],
        scenario: 'steady',
        rate: state.settings.rate,
        durationMs: state.settings.durationMs,
        headersEnv: { [releaseHeader]: releaseVariable },
        runsFolder: context.runsFolder,
        // Asked when the rollout began.
        yes: true,
        onNotice: context.say,
      },
      { ...context.runtime, env: { ...context.runtime.env, [releaseVariable]: 'next' } },
    )
    await publish(measured)
    if (measured.run.verdict === 'interrupted') {
      throw new UserError('interrupted', { exitCode: ExitCode.interrupted, code: 'interrupted' })
    }
    return measured
  } finally {
    await running.close()
  }
}

/** What went wrong with the next version's replicas within the time, in words; null: nothing. */
async function soak({ context, versions, state }: RolloutRun): Promise<string | null> {
  const { soakMs } = state.settings
  if (soakMs === 0) return null
  context.say(`the version before stays for ${duration(soakMs)}`)
  const endMs = context.runtime.now() + soakMs
  const stack = versions.next
  while (context.runtime.now() < endMs) {
    const sick = sickOf(await context.target.observe(stack), state.tier)
    if (sick.length > 0) return sick.join(', ')
    await sleep(lookMs, undefined, { signal: context.signal })
  }
  return null
}
