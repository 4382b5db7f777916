/** What a target is doing to a stack: one line a replica, in place on a terminal, else a line a change. */
import { createLogUpdate } from 'log-update'
import { duration } from '../report/format.ts'
import type { Palette, TerminalStyle } from '../report/palette.ts'
import type { Output } from '../runtime.ts'
import type { Progress, ReplicaState } from '../targets/target.ts'

export interface ProgressView {
  readonly onProgress: (progress: Progress) => void
  /** The last state stays on the terminal. */
  end(): void
}

export const silentProgress: ProgressView = { onProgress: () => {}, end: () => {} }

export function progressView(output: Output, { palette }: TerminalStyle, nowMs: () => number): ProgressView {
  return output.isTTY ? inPlace(output, palette, nowMs) : aLineAChange(output, nowMs)
}

/** A pull tells several times a second how far it is, and a log is to be read. */
const pullLineMs = 5_000

function aLineAChange(output: Output, nowMs: () => number): ProgressView {
  const pulls = new Map<string, { readonly what: string; readonly atMs: number }>()
  const isTold = ({ name, tier, state, because }: ReplicaState): boolean => {
    if (tier !== 'image') return false
    // What it is doing, whatever the figures.
    const what = `${state} ${because?.replaceAll(/[\d.]+/g, '') ?? ''}`
    const before = pulls.get(name)
    if (before?.what === what && nowMs() - before.atMs < pullLineMs) return true
    pulls.set(name, { what, atMs: nowMs() })
    return false
  }
  return {
    onProgress: (progress) => {
      if (progress.kind === 'replica' && isTold(progress.replica)) return
      if (progress.kind === 'replica') output.write(`${replicaLine(progress.replica, nowMs())}\n`)
      else if (progress.kind === 'gone') output.write(`${progress.name}  stopped\n`)
      else output.write(`${progress.text}\n`)
    },
    end: () => {},
  }
}

function inPlace(output: Output, palette: Palette, nowMs: () => number): ProgressView {
  const update = createLogUpdate(streamOf(output), { defaultWidth: output.columns ?? 80 })
  const lines = new Map<string, string>()
  const draw = (): void => update([...lines.values()].join('\n'))
  return {
    onProgress: (progress) => {
      if (progress.kind === 'note') {
        update.clear()
        output.write(`${progress.text}\n`)
      } else if (progress.kind === 'gone') {
        lines.set(progress.name, `${palette.dim('○')} ${progress.name.padEnd(18)} ${palette.dim('stopped')}`)
      } else {
        const { replica } = progress
        lines.set(replica.name, `${mark(replica, palette)} ${replicaLine(replica, nowMs())}`)
      }
      draw()
    },
    end: () => update.done(),
  }
}

/** `embed-1             healthy     http://127.0.0.1:21234  (0.4 s)` */
export function replicaLine(replica: ReplicaState, nowMs: number): string {
  const took =
    replica.state === 'healthy' && replica.startedAt !== null
      ? `  (${duration(nowMs - replica.startedAt)})`
      : ''
  const told = replica.state === 'healthy' ? (replica.url ?? '') + took : (replica.because ?? '')
  return `${replica.name.padEnd(18)} ${replica.state.padEnd(10)} ${told}`.trimEnd()
}

function mark({ state }: ReplicaState, palette: Palette): string {
  if (state === 'healthy' || state === 'completed') return palette.green('●')
  if (state === 'failing' || state === 'unhealthy') return palette.red('●')
  return palette.yellow('○')
}

/** What log-update needs of a stream. */
function streamOf(output: Output): NodeJS.WritableStream {
  const stream: Pick<NodeJS.WriteStream, 'isTTY' | 'columns'> & { write(text: string): boolean } = {
    isTTY: true,
    get columns() {
      return output.columns ?? 80
    },
    write: (text) => {
      output.write(text)
      return true
    },
  }
  return stream as NodeJS.WriteStream
}
