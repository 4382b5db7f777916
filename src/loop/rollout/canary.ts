/** A canary: a growing share of the requests, each step proven before the next. */
import { finish, goBack } from './ending.ts'
import { untilReached } from './reach.ts'
import type { RolloutRun } from './run.ts'
import type { StepRecord } from './state.ts'
import { replicasAt } from './version.ts'
import { worstOf } from './view.ts'

/** Goes on from the step that it has come to. */
export async function goOnCanary(run: RolloutRun): Promise<void> {
  const { context } = run
  for (;;) {
    const { shares, step, tier, records } = run.state
    const share = shares[step]
    if (share === undefined) break
    const replicas = replicasAt(share, run.replicas)
    context.say(
      `${share} % of the requests to ${tier} go to ${replicas} of the next version, beside ${run.replicas} of the current`,
    )
    // Nobody is sent to a replica that the balancer does not know yet.
    const before = await run.bring(run.both(replicas, shares[step - 1] ?? 0))
    await untilReached(run, 'next', before)
    const observed = await run.bring(run.both(replicas, share))
    const record = await context.measuring.compare(run, observed, replicas)
    await run.save({ records: [...records, record] })
    if (record.verdict === 'worse') {
      await goBack(run, 'rolled back: worse', `at ${share} % the next version is worse: ${worstOf(record)}`)
      return
    }
    if (record.verdict === 'cannot tell') {
      await goBack(run, 'rolled back: cannot tell', cannotTell(record))
      return
    }
    await run.save({ step: step + 1 })
  }
  await finish(run)
}

function cannotTell({ share, seconds, rows, moreSamples }: StepRecord): string {
  const open = rows.filter(({ verdict }) => verdict === 'cannot tell').map(({ metric }) => metric)
  const after = `at ${share} % it cannot be told after ${seconds} s whether the next version is as good`
  if (open.length === 0) return `${after}: no measurement could be believed`
  const more =
    moreSamples === null
      ? 'there are too few samples to say how many would tell'
      : `about ${Math.ceil(moreSamples)} times as many samples would tell`
  return `${after} in ${open.join(' and ')}; ${more}`
}
