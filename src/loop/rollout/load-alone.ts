/** Blue-green's load test, as a run like any other. */
import { releaseHeader } from '../../catalog/releases.ts'
import { ExitCode, UserError } from '../../errors.ts'
import type { Run } from '../../recording/run.ts'
import { measure } from '../measure.ts'
import { openRunning } from '../open.ts'
import { publish } from '../publish.ts'
import { stageOfTier } from './compare-releases.ts'
import type { RolloutRun } from './run.ts'
import { releaseVariable } from './sampler.ts'

/** The next version alone, at the load of the whole tier: the SLOs of the stack decide. */
export async function loadAlone(run: RolloutRun): Promise<Run> {
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
    return measured.run
  } finally {
    await running.close()
  }
}
