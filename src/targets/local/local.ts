import { type ReplicaSample, nothingSampled } from '../../recording/resources.ts'
import type { Stack } from '../../stack/stack.ts'
import { withCounts } from '../counts.ts'
import { endpointTiers } from '../endpoint-tiers.ts'
import type { NodeAddress } from '../qdrant/call.ts'
import type {
  ExecuteOptions,
  LockOptions,
  LogLine,
  LogOptions,
  Observed,
  RolloutTarget,
  RunningEndpoints,
  StackTarget,
  Step,
} from '../target.ts'
import { lockChanges } from '../change-lock.ts'
import { ControlClient, Unreachable } from './control-client.ts'
import { Execution } from './execute.ts'
import { readLogs } from './logs.ts'
import { LocalSignals } from './signals.ts'
import { observe, vectorNodes } from './observe.ts'
import { type Places, placesOf } from './places.ts'
import { planDown } from './plan-down.ts'
import { planUp } from './plan-up.ts'
import { servedBy } from './served.ts'
import { installedService } from './services.ts'
import { readStateFile } from './state-file.ts'
import type { FoundSupervisor, LocalObserved, LocalStep } from './steps.ts'
import { type Locate, wantedProcesses } from './wiring.ts'

export interface LocalOptions {
  /** The environment of every process; default: this one's. */
  readonly env?: Readonly<Record<string, string | undefined>>
  /** Finds services' main modules; another one in tests. */
  readonly locate?: Locate
}

/** The processes of a stack on this machine, kept by a supervisor; `folder`: of the stack, absolute. */
export function localTarget(folder: string, options: LocalOptions = {}): StackTarget {
  return new LocalTarget(folder, options)
}

class LocalTarget implements StackTarget {
  readonly name = 'local'
  readonly rollout: RolloutTarget = { refusal: () => null, served: servedBy }
  readonly #folder: string
  readonly #places: Places
  readonly #locate: Locate
  readonly #env: LocalOptions['env']
  #sampledTo: { pid: number; sequence: number } | null = null
  readonly #signals = new LocalSignals()
  /** The stack that was observed last, whose replicas are sampled. */
  #observed: Stack | null = null

  constructor(folder: string, { env, locate = installedService }: LocalOptions) {
    this.#folder = folder
    this.#places = placesOf(folder)
    this.#locate = locate
    this.#env = env
  }

  async observe(stack: Stack): Promise<LocalObserved> {
    this.#observed = stack
    const observed = await observe(this.#places)
    return {
      ...observed,
      notes: [
        ...notesOnSupervisor(observed.supervisor),
        ...notesOnShards(stack, observed),
        ...notesOn(stack),
      ],
    }
  }

  plan(stack: Stack, observed: LocalObserved, by = 'ragscale.yaml'): readonly LocalStep[] {
    const processesOf = (one: Stack) => wantedProcesses(one, { dataFolder: this.#places.data }, this.#locate)
    const wanted = processesOf(stack)
    const { vector } = stack.tiers
    const most = Math.max(0, ...observed.vector.nodesWithData)
    const all =
      vector === undefined
        ? []
        : processesOf(withCounts(stack, new Map([['vector', Math.max(most, vector.nodes)]])))
    const heirless = all.filter(
      ({ id, tier, replica }) =>
        tier === 'vector' &&
        observed.vector.nodesWithData.includes(replica ?? 0) &&
        !wanted.some((process) => process.id === id),
    )
    const replication =
      vector === undefined ? {} : { [vector.collection.name]: vector.collection.replication }
    return planUp({ stack: stack.name, by, wanted, heirless, replication }, observed, this.#places)
  }

  planDown(
    _stack: Stack,
    observed: LocalObserved,
    options: { readonly volumes: boolean },
  ): readonly LocalStep[] {
    return planDown(observed, this.#places, options)
  }

  async execute(steps: readonly Step[], options: ExecuteOptions): Promise<void> {
    await new Execution({ folder: this.#folder, env: this.#env }, this.#places, options).run(
      steps as readonly LocalStep[],
    )
  }

  endpoints(observed: Observed): RunningEndpoints {
    const found = Object.entries(endpointTiers).flatMap(([name, tier]) => {
      const balancer = observed.replicas.find(
        (replica) => replica.tier === tier && replica.replica === 'balancer',
      )
      return balancer?.url === undefined || balancer.url === null ? [] : [[name, [balancer.url]] as const]
    })
    return Object.fromEntries(found)
  }

  vectorNodes(observed: Observed): readonly NodeAddress[] {
    const { supervisor } = observed as LocalObserved
    return supervisor.kind === 'running' ? vectorNodes(supervisor.processes) : []
  }

  async sample(): Promise<ReplicaSample[]> {
    const state = await readStateFile(this.#places.stateFile)
    if (state === null) return []
    const since = this.#sampledTo?.pid === state.pid ? this.#sampledTo.sequence : null
    try {
      const control = new ControlClient(state)
      const samples = await control.samples(since)
      const sequence = samples.reduce((last, sample) => Math.max(last, sample.sequence), since ?? 0)
      this.#sampledTo = { pid: state.pid, sequence }
      const known = samples.map((sample) => ({ ...nothingSampled, ...sample }))
      if (this.#observed === null || known.length === 0) return known
      return await this.#signals.joinedTo(known, this.#observed, (await control.status()).processes)
    } catch (error) {
      if (error instanceof Unreachable) return []
      throw error
    }
  }

  logs(options: LogOptions): AsyncIterable<LogLine> {
    return readLogs(this.#places.logs, options)
  }

  async lock(what: string, options: LockOptions): Promise<{ release(): Promise<void> }> {
    return await lockChanges(this.#places.lockFile, what, options)
  }
}

function notesOnSupervisor({ kind }: FoundSupervisor): string[] {
  if (kind === 'gone') return ['its supervisor was killed, and its processes ended with it']
  return kind === 'silent' ? ['its supervisor runs and does not answer: ragscale down kills it'] : []
}

/** A collection's shards are as many as when it was made, whatever the file says later. */
function notesOnShards({ tiers: { vector } }: Stack, observed: LocalObserved): string[] {
  const { name, shards } = vector?.collection ?? { name: '', shards: 0 }
  const has = observed.vector.topology?.shards[name]
  if (has === undefined || has === shards) return []
  return [
    `collection ${name} has ${has} shards and the file says ${shards}: ragscale vector apply --shards ${shards} copies it`,
  ]
}

/** Where this target departs from what the file says. */
function notesOn({ tiers, balancer }: Stack): string[] {
  const notes = ['emulated: real protocols and processes, modelled timing']
  if (balancer.component !== 'reference') {
    notes.push(`the balancers are ragscale's own (${balancer.policy}) in place of ${balancer.component}`)
  }
  if (tiers.cache?.component === 'redis') {
    notes.push('each gateway replica caches by itself; set REDIS_URL to share one Redis')
  }
  return notes
}
