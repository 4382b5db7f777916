/** Both ends of a rollout: the next version becomes the only one, or the current one is that again. */
import { nextOf } from '../../catalog/releases.ts'
import { compareWithFolder, writeComparison } from '../../deployed/compare.ts'
import { readTemplates } from '../../deployed/templates.ts'
import { render } from '../../render/render.ts'
import { getIn, splitPath } from '../../stack/paths.ts'
import { editStack } from '../../stack/save.ts'
import type { Stack } from '../../stack/stack.ts'
import { parseYaml } from '../../stack/yaml-document.ts'
import { join } from 'node:path'
import { untilReached } from './reach.ts'
import { type RolloutRun, changesOf } from './run.ts'
import type { Outcome } from './state.ts'
import { tierOf } from './version.ts'

/**
 * All requests go to replicas of the next version; now `ragscale.yaml` and `deploy/` say so, the replicas of the
 * current one are replaced by it, one after another and with nothing to do, and take the requests over. May be
 * repeated from any point.
 */
export async function finish(run: RolloutRun): Promise<void> {
  const { state, versions, context } = run
  await run.save({ phase: 'finishing' })
  await editStack(versions.now.file, changesOf(state), context.runtime.cwd)
  await deploy(versions.next)
  const { replicas } = tierOf(versions.next, state.tier)
  context.say(
    `${state.tier}: the version before is replaced, ${replicas} ${replicas === 1 ? 'replica that has' : 'replicas that have'} no requests`,
  )
  // Killed after the last step of all, it has nothing left to do.
  if (!(await run.isAt(versions.next)))
    await untilReached(run, 'current', await run.bring(run.both(replicas, 100, versions.next)))
  await takeShareAway(run, versions.next)
  await run.bring(versions.next)
  await run.save({ phase: 'ended', outcome: 'promoted', because: null })
}

/** Every request to the current version, then the next one's replicas away. May be repeated from any point. */
export async function goBack(run: RolloutRun, outcome: Outcome, because: string): Promise<void> {
  const { state, versions, context } = run
  const wasFinishing = state.phase === 'finishing' || (state.phase === 'returning' && state.finishing)
  await run.save({ phase: 'returning', outcome, because, finishing: wasFinishing })
  context.say(`going back: ${because}`)
  if (wasFinishing) {
    // Some replicas are of the next version already: they are put back while the others have all requests.
    await editStack(versions.now.file, originals(run), context.runtime.cwd)
    await deploy(versions.now)
    const { replicas } = tierOf(versions.next, state.tier)
    if (!(await run.isAt(versions.now))) {
      await run.bring(run.both(replicas, 100, versions.next))
      await untilReached(run, 'current', await run.bring(run.both(replicas, 100)))
    }
  }
  await takeShareAway(run, versions.now)
  await run.bring(versions.now)
  await run.save({ phase: 'ended', finishing: false })
}

/**
 * Requests first, replicas after: a target may change both at once. Where replicas are sick there is nothing to be
 * gained by it, and bringing them to another share would wait for them.
 * @param base what else runs
 */
async function takeShareAway(run: RolloutRun, base: Stack): Promise<void> {
  const { tier } = run.state
  const observed = await run.context.target.observe(base)
  const replicas = observed.replicas.filter(({ name }) => name.startsWith(`${nextOf(tier)}-`))
  if (replicas.length === 0 || replicas.some(({ state }) => state !== 'healthy')) return
  await run.bring(run.both(replicas.length, 0, base))
}

/** What the file said of what the rollout changed. */
function originals({ state }: RolloutRun): { path: string; value: unknown }[] {
  const { value } = parseYaml(state.file)
  return state.edits.map(({ path }) => ({ path, value: getIn(value, splitPath(path)) }))
}

/** `deploy/` again, where the target is brought up from it; what a user has changed there stays as it is. */
async function deploy(stack: Stack): Promise<void> {
  if (stack.target === 'local' || stack.target === 'external') return
  const rendered = render(stack, stack.target, await readTemplates())
  await writeComparison(await compareWithFolder(rendered, stack.target, join(stack.folder, 'deploy')))
}
