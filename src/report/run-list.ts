/** The runs in a folder, for a terminal. */
import type { ListedRun } from '../recording/store.ts'
import { instant, rate } from './format.ts'
import type { TerminalStyle } from './palette.ts'
import { plain } from './plain-text.ts'
import { table } from './table.ts'
import type { Column } from './table.ts'

/** Newest first, as given. Ends with a newline. */
export function renderRunList(runs: readonly ListedRun[], style: TerminalStyle): string {
  if (runs.length === 0) return 'No runs yet. Measure one: ragscale loadtest\n'
  const columns: Column<ListedRun>[] = [
    { head: 'run', priority: 0, cell: ({ id }) => plain(id) },
    { head: 'started', priority: 2, cell: ({ startedAt }) => (startedAt === null ? '' : instant(startedAt)) },
    { head: 'scenario', cell: ({ scenario, stages }) => plain([scenario ?? '', ...stages].join(' ')) },
    {
      head: 'up to',
      priority: 1,
      align: 'right',
      cell: ({ offered }) => (offered === null ? '' : rate(offered)),
    },
    {
      title: 'verdict',
      priority: 0,
      cell: ({ verdict, note }) =>
        plain(note === null || verdict === 'pass' ? verdict : `${verdict}: ${note}`),
    },
  ]
  return `${table(columns, runs, style).join('\n')}\n`
}
