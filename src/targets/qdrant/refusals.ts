/** Why nodes of a cluster may not go. */
import { ExitCode, UserError } from '../../errors.ts'

export function unknownShards(leaving: readonly string[]): UserError {
  return new UserError(`no vector node answers, so nobody can tell what ${leaving.join(' and ')} hold`, {
    hint: 'ragscale status shows why; nothing was changed, and no data is lost',
    exitCode: ExitCode.unhealthy,
    code: 'unhealthy',
  })
}

/** @param losses what would be without an active copy, in words */
export function onlyCopies(leaving: readonly string[], losses: readonly string[]): UserError {
  return new UserError(
    `${leaving.join(' and ')} cannot go: the only good copy would be lost of ${losses.join(', ')}`,
    {
      hint: 'Wait until every node is healthy and holds its shards, then try again; nothing was changed.',
      exitCode: ExitCode.unhealthy,
      code: 'unhealthy',
    },
  )
}
