/**
 * A container that an engine was starting when it was ended: containerd still has a task of that name, of which the next
 * engine knows nothing, and refuses another one. Only removing the container by force ends it.
 */
import { ExitCode, UserError } from '../../errors.ts'

const leftover =
  /task \S* ?already exists|\btask .*: already exists|container with (?:given )?id already exists|id already in use/i

/** By what the engine says of a start. */
export function isHalfStarted(says: string): boolean {
  return leftover.test(says)
}

/** A replica whose start was refused for that. */
export class HalfStarted extends UserError {}

/** @param container as the engine calls it */
export function halfStarted(name: string, container: string): HalfStarted {
  return new HalfStarted(
    `${name} cannot be started: the Docker engine was ended while it started it before, and has a task of it left`,
    {
      hint: `docker rm --force ${container}, then ragscale up goes on`,
      exitCode: ExitCode.unhealthy,
      code: 'half-started',
    },
  )
}
