import { join } from 'node:path'

/** Where a stack of a swarm is on the disk; all absolute. */
export interface Places {
  /** `deploy/`, and in it what is for a swarm. */
  readonly deploy: string
  readonly swarm: string
  readonly override: string
  readonly secrets: string
  /** `.ragscale/swarm`: configuration of what runs where that is not what `deploy/` says. */
  readonly state: string
  readonly lockFile: string
}

export function placesOf(stackFolder: string): Places {
  const deploy = join(stackFolder, 'deploy')
  const swarm = join(deploy, 'swarm')
  return {
    deploy,
    swarm,
    override: join(swarm, 'stack.override.yaml'),
    secrets: join(swarm, 'secrets'),
    state: join(stackFolder, '.ragscale', 'swarm'),
    lockFile: join(stackFolder, '.ragscale', 'swarm.lock'),
  }
}
