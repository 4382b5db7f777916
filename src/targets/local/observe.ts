import { readdir } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { isRunning } from '../../process-start.ts'
import { type ProcessStatus, replicaName } from '../../supervision.ts'
import type { NodeAddress } from '../qdrant/call.ts'
import { type Topology, readTopology } from '../qdrant/cluster.ts'
import type { ReplicaState } from '../target.ts'
import { ControlClient, Unreachable, checkVersion } from './control-client.ts'
import type { Places } from './places.ts'
import { type FoundSupervisor, type LocalObserved, nameOf } from './steps.ts'
import { readStateFile } from './state-file.ts'

const topologyMs = 3_000

/** Looks; changes nothing. */
export async function observe(places: Places): Promise<LocalObserved> {
  const supervisor = await findSupervisor(places)
  const processes = supervisor.kind === 'running' ? supervisor.processes : []
  const stored = await namesIn(places.data)
  return {
    running: supervisor.kind === 'running',
    supervisor,
    replicas: processes.map(replicaOf),
    notes: [],
    kept: stored.length > 0 ? [places.data] : [],
    has: { logs: (await namesIn(places.logs)).length > 0, data: stored.length > 0 },
    vector: {
      nodesWithData: stored.flatMap((name) => /^vector-(\d+)$/.exec(name)?.[1] ?? []).map(Number),
      topology: await topologyOf(processes),
    },
  }
}

async function findSupervisor(places: Places): Promise<FoundSupervisor> {
  // One that is just ending removes its file and then itself; it is looked at again rather than called silent.
  for (let look = 0; look < 3; look++) {
    const state = await readStateFile(places.stateFile)
    if (state === null) return { kind: 'none' }
    if (!(await isRunning(state.pid, state.processStart))) return { kind: 'gone', pid: state.pid }
    checkVersion(state)
    try {
      const { processes } = await new ControlClient(state).status()
      return { kind: 'running', pid: state.pid, processes }
    } catch (error) {
      if (!(error instanceof Unreachable)) throw error
    }
    await sleep(200)
  }
  const state = await readStateFile(places.stateFile)
  return state === null ? { kind: 'none' } : { kind: 'silent', pid: state.pid }
}

export function replicaOf(status: ProcessStatus): ReplicaState {
  const { wanted, ports } = status
  const port = ports[wanted.id]
  return {
    name: nameOf(wanted),
    tier: wanted.tier,
    replica: replicaName(wanted),
    component: wanted.component,
    state: status.state,
    because: status.because,
    url: port === undefined ? null : `http://127.0.0.1:${port}`,
    pid: status.pid,
    startedAt: status.startedAt,
    restarts: status.restarts,
    cpuCores: status.cpuCores,
    memoryBytes: status.memoryBytes,
    lastLines: status.lastLines,
  }
}

/** Null when no node of the cluster can be asked. */
async function topologyOf(processes: readonly ProcessStatus[]): Promise<Topology | null> {
  const nodes = vectorNodes(processes)
  // Also those that do not run: what they hold is held by somebody with a name.
  const members = addressesOf(processes.filter(isVectorNode))
  return nodes.length === 0 ? null : await readTopology(nodes, topologyMs, members).catch(() => null)
}

/** The nodes that can be asked, healthy ones first. */
export function vectorNodes(processes: readonly ProcessStatus[]): NodeAddress[] {
  return addressesOf(processes.filter((one) => isVectorNode(one) && one.pid !== null))
}

function isVectorNode({ wanted }: ProcessStatus): boolean {
  return wanted.tier === 'vector' && wanted.replica !== null
}

function addressesOf(processes: readonly ProcessStatus[]): NodeAddress[] {
  return [...processes]
    .sort((a, b) => Number(b.state === 'healthy') - Number(a.state === 'healthy'))
    .map(({ wanted: { id: name }, ports }) => ({
      name,
      url: `http://127.0.0.1:${ports[name] ?? 0}`,
      peerUrl: `http://127.0.0.1:${ports[`${name}/peer`] ?? 0}`,
    }))
}

async function namesIn(folder: string): Promise<string[]> {
  return await readdir(folder).catch(() => [])
}
