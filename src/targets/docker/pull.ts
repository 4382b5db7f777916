/** Pulls an image, tells how far it is in bytes, and asks again where a registry is cut off. */
import { setTimeout as sleep } from 'node:timers/promises'
import { ExitCode, UserError } from '../../errors.ts'
import { showBytes } from '../../catalog/resources.ts'
import { formatDuration } from '../../stack/units.ts'
import type { ReplicaState, ExecuteOptions } from '../target.ts'
import type { Env } from './context.ts'
import { type Credentials, credentialsFor } from './credentials.ts'
import { answers } from './away.ts'
import { type Engine, engineGone, engineSays } from './engine.ts'
import { isPassing, pullError } from './pull-error.ts'

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
  /** Seconds until the engine asks again for a layer of which it was cut off. */
  readonly #retries = new Map<string, number>()

  add({ id, status, progressDetail }: PullLine): void {
    if (id === undefined || status === undefined) return
    const layer = this.#layers.get(id)
    const retry = /^Retrying in (\d+) second/.exec(status)
    if (retry === null) this.#retries.delete(id)
    else this.#retries.set(id, Number(retry[1]))
    if (status === 'Downloading') {
      const { current = 0, total = layer?.total ?? 0 } = progressDetail ?? {}
      // Where an engine was cut off it goes on, and counts what is left alone.
      const before = Math.max(0, (layer?.total ?? 0) - total)
      this.#layers.set(id, { current: before + current, total: before + Math.max(total, current) })
    } else if (status === 'Download complete' || status === 'Extracting' || status === 'Pull complete') {
      if (layer !== undefined) this.#layers.set(id, { ...layer, current: layer.total })
      this.#unpacking ||= status === 'Extracting'
    }
  }

  /** Of the layers that are known, and were not there before. */
  get totalBytes(): number {
    return [...this.#layers.values()].reduce((sum, layer) => sum + layer.total, 0)
  }

  /** `pulling 1.2 of 4.0 GiB`; the whole grows while layers are being found. */
  says(): string {
    const current = [...this.#layers.values()].reduce((sum, layer) => sum + layer.current, 0)
    const total = this.totalBytes
    if (this.#retries.size > 0) {
      const seconds = Math.min(...this.#retries.values())
      return `cut off by the registry at ${showBytes(current)} of ${showBytes(total)}: asked again in ${seconds}s`
    }
    if (total === 0) return 'asking the registry'
    if (current >= total && this.#unpacking) return `unpacking ${showBytes(total)}`
    return `pulling ${showBytes(current)} of ${showBytes(total)}`
  }
}

export interface PullOptions extends ExecuteOptions {
  readonly env: Env
}

/** Before the next try: of a registry that was there, and of one that never answered. */
const pausesMs = { cutOff: [1_000, 2_000, 4_000, 8_000, 16_000], absent: [1_000, 2_000] } as const

/**
 * A registry that is away for a moment is asked again, the more often where bytes have come of it.
 * @throws UserError: exit 3 for an image that is not there, or may not be had; 4 when time is up or the engine goes
 * away; 1 on a full disk
 */
export async function pullImage(engine: Engine, image: string, options: PullOptions): Promise<void> {
  const { onProgress, signal, env, timeoutMs } = options
  const late = AbortSignal.timeout(Math.max(0, timeoutMs))
  const either = AbortSignal.any([signal, late])
  const credentials = await credentialsFor(image, env)
  let said = ''
  let begun = false
  const tell = (state: ReplicaState['state'], says: string): void => {
    if (says === said) return
    said = says
    onProgress({ kind: 'replica', replica: imageLine(image, state, says) })
  }
  for (let attempt = 0; ; attempt++) {
    const progress = new PullProgress()
    try {
      await pullOnce(engine, image, credentials, either, (line) => {
        progress.add(line)
        tell('starting', progress.says())
      })
      const bytes = progress.totalBytes
      tell('completed', bytes === 0 ? 'is there' : `is there, ${showBytes(bytes)} pulled`)
      return
    } catch (error) {
      signal.throwIfAborted()
      if (late.aborted) throw tooLate(image, said, timeoutMs)
      if (!(await answers(engine))) throw engineGone(error)
      begun ||= progress.totalBytes > 0
      const pauseMs = pausesMs[begun ? 'cutOff' : 'absent'][attempt]
      const says = engineSays(error)
      if (pauseMs === undefined || !isPassing(says)) throw pullError(image, error, credentials !== null)
      tell('waiting', `${says}: asked again in ${formatDuration(pauseMs)}`)
      await sleep(pauseMs, undefined, { signal: either }).catch(() => {})
      signal.throwIfAborted()
      if (late.aborted) throw tooLate(image, said, timeoutMs)
    }
  }
}

async function pullOnce(
  { docker }: Engine,
  image: string,
  authconfig: Credentials | null,
  abortSignal: AbortSignal,
  onLine: (line: PullLine) => void,
): Promise<void> {
  const stream = await docker.pull(image, { abortSignal, ...(authconfig === null ? {} : { authconfig }) })
  onLine({})
  await new Promise<void>((resolve, reject) => {
    docker.modem.followProgress(
      stream,
      (error: Error | null) => (error === null ? resolve() : reject(error)),
      onLine,
    )
  })
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

function tooLate(image: string, said: string, timeoutMs: number): UserError {
  return new UserError(`${image} was not pulled within ${formatDuration(timeoutMs)}: ${said}`, {
    hint: 'ragscale up --timeout 1h   gives it longer; layers that are there are kept',
    exitCode: ExitCode.unhealthy,
    code: 'image',
  })
}
