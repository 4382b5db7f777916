/** Shows a load test while it runs: in place on a terminal, else a line every five seconds. */
import { showBuildProgress } from '../load/k6/build-progress.ts'
import type { BuildProgress } from '../load/k6/build.ts'
import type { LoadLine } from '../recording/load-lines.ts'
import { followLive, liveLine, liveLines, startLive } from '../report/live.ts'
import type { LivePlan, LiveState } from '../report/live.ts'
import type { TerminalStyle } from '../report/palette.ts'
import type { Output } from '../runtime.ts'

const lineEveryMs = 5_000

export interface LiveView {
  readonly plan: (plan: LivePlan, part: 'probe' | 'test') => void
  readonly line: (line: LoadLine) => void
  readonly notice: (text: string) => void
  /** Of k6, where this machine has none yet. */
  readonly build: (progress: BuildProgress) => void
  /** Leaves the terminal as it was found: nothing of the view stays. */
  readonly end: () => void
}

export const silentView: LiveView = {
  plan: () => undefined,
  line: () => undefined,
  notice: () => undefined,
  build: () => undefined,
  end: () => undefined,
}

export function liveView(output: Output, style: TerminalStyle): LiveView {
  let state: LiveState | null = null
  let drawn = 0
  let lastLineAt = Number.NEGATIVE_INFINITY
  const erase = (): string => (drawn === 0 ? '' : `\u001B[${drawn}A\u001B[0J`)
  const clear = (): void => {
    if (drawn > 0) output.write(erase())
    drawn = 0
  }
  return {
    plan: (plan, part) => {
      clear()
      const what = part === 'probe' ? 'looking for where it stops keeping up' : 'loading'
      output.write(
        `${plan.stage}: ${what}, ${plan.steps.length} ${plan.steps.length === 1 ? 'step' : 'steps'}\n`,
      )
      state = startLive(plan)
    },
    line: (line) => {
      if (state === null) return
      state = followLive(state, line)
      if (line.type !== 'interval') return
      if (output.isTTY) {
        const lines = liveLines(state, style)
        output.write(`${erase()}${lines.join('\n')}\n`)
        drawn = lines.length
      } else if (line.at - lastLineAt >= lineEveryMs) {
        output.write(`${liveLine(state)}\n`)
        lastLineAt = line.at
      }
    },
    notice: (text) => {
      clear()
      output.write(`note: ${text}\n`)
    },
    build: showBuildProgress(output),
    end: clear,
  }
}
