/** What of a Qdrant cluster's changes a user is asked about. */
import { ExitCode, UserError } from '../errors.ts'
import type { Runtime } from '../runtime.ts'
import { type VectorStep, isWaiting } from '../targets/qdrant/plan.ts'
import type { ApplyOptions, VectorCluster } from './vector.ts'

/**
 * What removes a collection or a node, and any change of a cluster of somebody else's, is asked for first; also where it
 * only shows once what was under way has ended. To wait for what goes on anyway nobody has to agree.
 */
export function agreementOn(
  { loopback }: Pick<VectorCluster, 'loopback'>,
  { yes }: { readonly yes: boolean },
  { interactive, prompts }: Pick<Runtime, 'interactive' | 'prompts'>,
): ApplyOptions['agree'] {
  let before = ''
  let changed = false
  return async (steps) => {
    const changes = steps.filter((step) => !isWaiting(step))
    const grave = changes.filter(isGrave)
    const since = before
    const nothing = changed ? 'Nothing more' : 'Nothing'
    before = ' (what was under way has ended)'
    changed ||= changes.length > 0
    if (yes || grave.length === 0) return
    const list = grave.map(({ what }) => what).join('; ')
    if (!interactive) {
      throw new UserError(`this would ${list}, and nobody can be asked whether that is meant${since}`, {
        hint: 'ragscale vector plan shows all of it; pass --yes if it is',
        exitCode: ExitCode.usage,
        code: 'unconfirmed',
      })
    }
    if (await prompts.confirm(`This will ${list}. Go on?`)) return
    throw new UserError(`${nothing} was changed${since}.`, {
      exitCode: ExitCode.interrupted,
      code: 'declined',
    })
  }

  function isGrave({ kind }: VectorStep): boolean {
    return !loopback || kind === 'drop-collection' || kind === 'remove-peer'
  }
}
