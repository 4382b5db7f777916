import type { Stack } from '../../../../src/stack/stack.ts'
import type { ProcessState, ProcessStatus, WantedProcess } from '../../../../src/supervision.ts'
import { placesOf } from '../../../../src/targets/local/places.ts'
import type { FoundSupervisor, LocalObserved } from '../../../../src/targets/local/steps.ts'
import { wantedProcesses } from '../../../../src/targets/local/wiring.ts'

export const places = placesOf('/stacks/handbook')

export const wantedOf = (stack: Stack): WantedProcess[] =>
  wantedProcesses(stack, { dataFolder: places.data }, (service) => `/services/${service}`)

export function observed(
  supervisor: FoundSupervisor,
  has: Partial<LocalObserved['has']> = {},
): LocalObserved {
  return {
    running: supervisor.kind === 'running',
    supervisor,
    replicas: [],
    notes: [],
    kept: [],
    has: { logs: false, data: false, ...has },
    vector: { nodesWithData: [], topology: { peers: {}, copies: [], arrivals: [], shards: {} } },
  }
}

/** What a stack looks like while it runs; `states` by id where a process is not healthy. */
export function running(
  wanted: readonly WantedProcess[],
  states: Record<string, ProcessState> = {},
): LocalObserved {
  const processes = wanted.map((process, index): ProcessStatus => ({
    wanted: process,
    state: states[process.id] ?? 'healthy',
    pid: 1000 + index,
    ports: { [process.id]: 20_000 + index },
    startedAt: 0,
    restarts: 0,
    because: states[process.id] === 'failing' ? 'exited with code 1' : null,
    lastLines: [],
    cpuCores: null,
    memoryBytes: null,
  }))
  return observed({ kind: 'running', pid: 999, processes })
}
