/** Pulls an image, and tells how far it is in bytes. */
import { ExitCode, UserError } from '../../errors.ts'
import { showBytes } from '../../catalog/resources.ts'
import type { ReplicaState, ExecuteOptions } from '../target.ts'
import type { Env } from './context.ts'
import { credentialsFor } from './credentials.ts'
import { statusOf } from './containers.ts'
import { type Engine, engineSays } from './engine.ts'

/** A line of what the engine streams while it pulls. */
interface PullLine {
  readonly status?: string
  readonly id?: string
  readonly progressDetail?: { readonly current?: number; readonly total?: number }
  readonly error?: string
}

/** How far a pull is: bytes of the layers that have been told of so far. Folds its lines; pure. */
export class PullProgress {
  readonly #layers = new Map<string, { current: number; total: number }>()
  #unpacking = false

  add({ id, status, progressDetail }: PullLine): void {
    if (id === undefined || status === undefined) return
    const layer = this.#layers.get(id)
    if (status === 'Downloading') {
      const { current = 0, total = layer?.total ?? 0 } = progressDetail ?? {}
      this.#layers.set(id, { current, total: Math.max(total, current) })
    } else if (status === 'Download complete' || status === 'Extracting' || status === 'Pull complete') {
      if (layer !== undefined) this.#layers.set(id, { ...layer, current: layer.total })
      this.#unpacking ||= status === 'Extracting'
    }
  }

  /** `pulling 1.2 of 4.0 GiB`; the whole grows while layers are being found. */
  says(): string {
    const layers = [...this.#layers.values()]
    const current = layers.reduce((sum, layer) => sum + layer.current, 0)
    const total = layers.reduce((sum, layer) => sum + layer.total, 0)
    if (total === 0) return 'asking the registry'
    if (current >= total && this.#unpacking) return `unpacking ${showBytes(total)}`
    return `pulling ${showBytes(current)} of ${showBytes(total)}`
  }
}

export interface PullOptions extends ExecuteOptions {
  readonly env: Env
}

/** @throws UserError: exit 3 for an image that is not there, or may not be had; exit 1 on a full disk */
export async function pullImage(engine: Engine, image: string, options: PullOptions): Promise<void> {
  const { onProgress, signal, env } = options
  const progress = new PullProgress()
  let said = ''
  const tell = (state: ReplicaState['state'], says: string): void => {
    if (says === said) return
    said = says
    onProgress({ kind: 'replica', replica: imageLine(image, state, says) })
  }
  try {
    const authconfig = await credentialsFor(image, env)
    const stream = await engine.docker.pull(image, {
      abortSignal: signal,
      ...(authconfig === null ? {} : { authconfig }),
    })
    tell('starting', progress.says())
    await new Promise<void>((resolve, reject) => {
      engine.docker.modem.followProgress(
        stream,
        (error: Error | null) => (error === null ? resolve() : reject(error)),
        (line: PullLine) => {
          progress.add(line)
          tell('starting', progress.says())
        },
      )
    })
    tell('completed', 'is there')
  } catch (error) {
    signal.throwIfAborted()
    throw pullError(image, error)
  }
}

/** An image that is being pulled, as a line of its own. */
function imageLine(image: string, state: ReplicaState['state'], says: string): ReplicaState {
  return {
    name: image,
    tier: 'image',
    replica: '',
    component: 'image',
    state,
    because: says,
    url: null,
    pid: null,
    startedAt: null,
    restarts: 0,
    cpuCores: null,
    memoryBytes: null,
    lastLines: [],
  }
}

function pullError(image: string, error: unknown): UserError {
  const says = engineSays(error)
  const status = statusOf(error)
  if (/no space left on device/i.test(says)) {
    return new UserError(`the disk of the Docker engine is full: ${image} does not fit`, {
      hint: 'docker system df   shows what takes the room; docker image prune frees some; then ragscale up goes on',
      code: 'disk',
      cause: error,
    })
  }
  const denied = /denied|unauthorized|authentication required/i.test(says)
  const missing = status === 404 || /not found|manifest unknown|does not exist/i.test(says)
  const registry =
    image.includes('/') && /[.:]/.test(image.split('/')[0] ?? '') ? (image.split('/')[0] ?? '') : ''
  return new UserError(`${image} could not be pulled: ${says}`, {
    hint: denied
      ? `docker login ${registry}`.trim()
      : missing
        ? 'Is the name right? tiers.<tier>.image in ragscale.yaml names another image.'
        : 'Is the registry reachable from the engine? docker pull asks it by hand; then ragscale up goes on.',
    exitCode: ExitCode.missing,
    code: 'image',
    cause: error,
  })
}
