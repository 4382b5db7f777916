/** The runs on this machine, newest first. */
import type { ListedRun } from '../recording/store.ts'
import { figure, instant } from './format.ts'
import type { TerminalStyle } from './palette.ts'
import { table } from './table.ts'

export function renderRunList(runs: readonly ListedRun[], style: TerminalStyle): string {
  if (runs.length === 0) return 'no runs yet; measure one with `ragscale loadtest`\n'
  const { palette } = style
  const paint = (text: string, { verdict }: ListedRun): string => {
    if (verdict === 'pass') return palette.green(text)
    return verdict === 'fail' || verdict === 'unreadable' ? palette.red(text) : palette.yellow(text)
  }
  const lines = table(
    [
      { head: 'run', cell: (run) => run.id },
      { head: 'verdict', cell: (run) => run.verdict, paint },
      { head: 'scenario', cell: (run) => run.scenario ?? '–', priority: 2 },
      { head: 'stages', cell: (run) => run.stages.join(', '), priority: 1 },
      { head: 'target', cell: targetOf, priority: 3 },
      { head: 'up to /s', align: 'right', cell: (run) => figure(run.offered), priority: 4 },
      {
        head: 'started',
        cell: (run) => (run.startedAt === null ? '–' : instant(run.startedAt)),
        priority: 5,
      },
      { head: 'note', cell: (run) => run.note ?? '', priority: 6 },
    ],
    runs,
    style,
  )
  return `${lines.join('\n')}\n`
}

function targetOf({ target, emulated }: ListedRun): string {
  if (target === null) return '–'
  return emulated === true ? `${target} (rehearsal)` : target
}
