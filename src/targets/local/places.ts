import { join } from 'node:path'

/** Where a local stack keeps what it needs while it runs. */
export interface Places {
  /** `.ragscale/local` beside `ragscale.yaml`, absolute. */
  readonly folder: string
  readonly stateFile: string
  readonly logs: string
  /** What the vector nodes store: kept by `down` unless it is told otherwise. */
  readonly data: string
  readonly lockFile: string
}

export function placesOf(stackFolder: string): Places {
  const folder = join(stackFolder, '.ragscale', 'local')
  return {
    folder,
    stateFile: join(folder, 'state.json'),
    logs: join(folder, 'logs'),
    data: join(folder, 'data'),
    // Beside the folder: it outlives a `down` that removes the folder.
    lockFile: join(stackFolder, '.ragscale', 'local.lock'),
  }
}
