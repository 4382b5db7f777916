/** Blue-green: the whole next version comes up, is load-tested by itself, and takes all requests over at once. */
import { setTimeout as sleep } from 'node:timers/promises'
import { duration } from '../../report/format.ts'
import { finish, goBack } from './ending.ts'
import { untilReached } from './reach.ts'
import { type RolloutRun, forgetful, sickOf } from './run.ts'
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
    const beside = run.both(replicas, 0)
    await untilReached(run, 'next', await run.bring(beside))
    const { id, verdict, verdictBecause } = await context.measuring.loadAlone(run)
    await run.save({ run: id })
    if (!(await run.goBy(beside))) throw forgetful()
    if (verdict !== 'pass') {
      const because = [`its load test (${id}) ended with ${verdict}`, ...verdictBecause].join('; ')
      await goBack(run, verdict === 'fail' ? 'rolled back: worse' : 'rolled back: cannot tell', because)
      return
    }
    context.say(`its load test passed (${id}); all requests go to it now`)
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
