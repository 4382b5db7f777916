/** Errors of the engine, as a user is to be told of them. */
import { ExitCode, UserError, messageOf } from '../../errors.ts'
import { statusOf } from '../docker/containers.ts'
import { engineGone, isGone } from '../docker/engine.ts'
import type { FoundSwarm } from './found.ts'

/** What was thrown, or what it means: an engine that went away, a swarm without a leader, a refusal in its own words. */
export function toldOf(error: unknown): unknown {
  if (error instanceof UserError) return error
  if (isGone(error)) return engineGone(error)
  if (statusOf(error) === null) return error
  const said = messageOf(error)
  if (/does not have a leader|no leader|lost quorum/i.test(said)) {
    return new UserError('the swarm has no leader: more than half of its managers do not answer', {
      hint: 'Bring them back; what runs goes on running. Where they are lost for good: docker swarm init --force-new-cluster, on one that is left',
      exitCode: ExitCode.unhealthy,
      code: 'swarm',
      cause: error,
    })
  }
  return new UserError(`the Docker engine refused it: ${said}`, {
    hint: 'ragscale status shows what runs; ragscale up goes on',
    exitCode: ExitCode.failed,
    code: 'docker',
    cause: error,
  })
}

/** A swarm has one stack of a name: to deploy ours would remove what somebody else's has. @throws UserError (exit 2) */
export function refuseForeign(stack: string, { foreign = [] }: FoundSwarm): void {
  if (foreign.length === 0) return
  throw new UserError(`the swarm has a stack ${stack} that ragscale did not make: ${foreign.join(', ')}`, {
    hint: `Give this one another name (name: in ragscale.yaml); docker stack services ${stack}   shows the other`,
    exitCode: ExitCode.usage,
    code: 'foreign-stack',
  })
}
