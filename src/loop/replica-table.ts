import { duration, figure } from '../report/format.ts'
import type { TerminalStyle } from '../report/palette.ts'
import { table } from '../report/table.ts'
import { formatSize } from '../stack/units.ts'
import type { ReplicaState } from '../targets/target.ts'

/** What `ragscale status` shows, as lines. */
export function replicaTable(
  replicas: readonly ReplicaState[],
  nowMs: number,
  style: TerminalStyle,
): string[] {
  const { palette } = style
  const paintState = (text: string, { state }: ReplicaState): string => {
    if (state === 'healthy') return palette.green(text)
    return state === 'failing' || state === 'unhealthy' ? palette.red(text) : palette.yellow(text)
  }
  return table(
    [
      { head: 'tier', cell: ({ tier }) => tier },
      { head: 'replica', cell: ({ replica }) => replica },
      { head: 'component', cell: ({ component }) => component, priority: 3 },
      { head: 'state', cell: ({ state }) => state, paint: paintState },
      { head: 'pid', cell: ({ pid }) => pid?.toString() ?? '–', align: 'right', priority: 2 },
      { head: 'address', cell: ({ url }) => url ?? '–', priority: 1 },
      {
        head: 'up',
        cell: ({ startedAt }) => (startedAt === null ? '–' : uptime(nowMs - startedAt)),
        align: 'right',
        priority: 2,
      },
      { head: 'restarts', cell: ({ restarts }) => String(restarts), align: 'right', priority: 1 },
      { head: 'CPU', cell: ({ cpuCores }) => figure(cpuCores), align: 'right', priority: 2 },
      { head: 'memory', cell: ({ memoryBytes }) => megabytes(memoryBytes), align: 'right', priority: 2 },
    ],
    replicas,
    style,
  )
}

function uptime(ms: number): string {
  return duration(Math.max(1000, Math.round(ms / 1000) * 1000))
}

function megabytes(bytes: number | null): string {
  return bytes === null ? '–' : formatSize(Math.round(bytes / 1e6) * 1e6)
}
