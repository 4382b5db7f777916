/** What to do until nothing is left. Pure. */
import type { Places } from './places.ts'
import { type LocalObserved, type LocalStep, type PlannedStep, inWaves } from './steps.ts'

export function planDown(
  observed: LocalObserved,
  places: Places,
  options: { readonly volumes: boolean },
): LocalStep[] {
  const removed = [
    ...(observed.has.logs ? [remove(places.logs, 'remove the logs', 'ragscale down')] : []),
    ...(observed.has.data && options.volumes
      ? [remove(places.data, 'remove the stored vectors', 'ragscale down --volumes')]
      : []),
  ]
  return inWaves([...cleanUp(observed, places), stopAll(observed), removed])
}

function stopAll({ supervisor }: LocalObserved): PlannedStep[] {
  if (supervisor.kind !== 'running') return []
  const count = supervisor.processes.length
  const what = `stop ${count === 1 ? 'its one process' : `its ${count} processes`} and their supervisor`
  return [{ kind: 'stop-supervisor', what, because: 'ragscale down', tier: null }]
}

/** What a supervisor that was killed, or hangs, left behind; in waves. */
export function cleanUp({ supervisor }: LocalObserved, { stateFile }: Places): PlannedStep[][] {
  const what = 'remove what it left behind'
  switch (supervisor.kind) {
    case 'none':
    case 'running':
      return []
    case 'gone':
      return [[remove(stateFile, what, `its supervisor (process ${supervisor.pid}) was killed`)]]
    case 'silent': {
      const { pid } = supervisor
      const because = `it runs (process ${pid}) and does not answer`
      return [
        [{ kind: 'kill-supervisor', pid, what: 'kill the supervisor', because, tier: null }],
        [remove(stateFile, what, 'its supervisor is killed')],
      ]
    }
  }
}

function remove(path: string, what: string, because: string): PlannedStep {
  return { kind: 'remove', path, what, because, tier: null }
}
