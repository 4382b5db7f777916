import { join } from 'node:path'

/** Where a Compose stack is on the disk; all absolute. */
export interface Places {
  /** `deploy/`, and in it what Compose reads. */
  readonly deploy: string
  readonly compose: string
  readonly file: string
  readonly override: string
  readonly secrets: string
  /** `.ragscale/compose`: what runs where that is not what `deploy/` says. */
  readonly state: string
  readonly lockFile: string
}

export function placesOf(stackFolder: string): Places {
  const deploy = join(stackFolder, 'deploy')
  const compose = join(deploy, 'compose')
  return {
    deploy,
    compose,
    file: join(compose, 'compose.yaml'),
    override: join(compose, 'compose.override.yaml'),
    secrets: join(compose, 'secrets'),
    state: join(stackFolder, '.ragscale', 'compose'),
    lockFile: join(stackFolder, '.ragscale', 'compose.lock'),
  }
}
