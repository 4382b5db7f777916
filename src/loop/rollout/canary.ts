/** A canary: a growing share of the requests, each step proven before the next. */
import { finish, goBack } from './ending.ts'
import { untilReached } from './reach.ts'
import { type RolloutRun, forgetful } from './run.ts'
import type { StepRecord } from './state.ts'
import { replicasAt } from './version.ts'
import { worstOf } from './view.ts'

/** A step is measured again so often, where a balancer did not go by its shares all the time. */
const mostTries = 3

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
    const record = await compared(run, replicas, share)
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

/** @throws UserError (exit 4) where a balancer forgets the shares each time */
async function compared(run: RolloutRun, replicas: number, share: number): Promise<StepRecord> {
  const stack = run.both(replicas, share)
  for (let tries = 1; tries <= mostTries; tries++) {
    const observed = await run.bring(stack)
    const record = await run.context.measuring.compare(run, observed, replicas)
    if (await run.goBy(stack)) return record
    run.context.say('  a balancer started anew meanwhile, without the shares: once more')
  }
  throw forgetful()
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
