/** The Qdrant cluster of a stack: who is asked, with which key, and its goal by the file and the flags. */
import { ExitCode, UserError } from '../errors.ts'
import { endpointTarget, isLoopback } from '../load/endpoints.ts'
import { dispatcherOf, headersOf } from '../load/http.ts'
import type { LoadTarget } from '../load/plan.ts'
import type { Runtime } from '../runtime.ts'
import type { Stack } from '../stack/stack.ts'
import type { NodeAddress } from '../targets/qdrant/call.ts'
import { type CopyProgress } from '../targets/qdrant/copy.ts'
import { executeStep } from '../targets/qdrant/execute.ts'
import {
  type VectorGoal,
  type VectorPlan,
  type VectorStep,
  isOfWhatIsUnderWay,
  planVector,
} from '../targets/qdrant/plan.ts'
import { type ClusterView, downPeers, readCluster, troublesOf } from '../targets/qdrant/view.ts'
import { endpointUrls } from '../targets/external/external.ts'
import { connectToVector } from './connection.ts'
import { failedIn, interruptedIn } from './vector-cut-off.ts'
import type { StackTarget } from '../targets/target.ts'

export interface VectorCluster {
  readonly nodes: readonly NodeAddress[]
  /** Whether each address is one node, not a balancer before all of them. */
  readonly named: boolean
  /** The collection's name, as callers know it. */
  readonly collection: string
  /** Whether all of it is on this machine: another cluster is changed only when somebody agrees. */
  readonly loopback: boolean
  /** As of a connection. */
  obstacle?(): Promise<string | null>
  close(): Promise<void>
}

const keyVariable = 'QDRANT_API_KEY'

/** @throws UserError: exit 2 when the stack has no Qdrant, or a key is missing; exit 4 when it does not run */
export async function openVector(
  stack: Stack,
  target: StackTarget,
  runtime: Pick<Runtime, 'env'>,
): Promise<VectorCluster> {
  const external = stack.target === 'external'
  const observed = external ? null : await target.observe(stack)
  const connection = observed === null ? null : await connectToVector(target, observed)
  const own = connection?.vectorNodes ?? []
  const endpoints = connection?.endpoints ?? endpointUrls(stack)
  // A swarm publishes the tier's port only where it is asked for; nodes that can be reached by themselves need none.
  const addressed =
    own.length > 0 && endpoints.vector === undefined
      ? { ...endpoints, vector: own.map(({ url }) => url) }
      : endpoints
  const found = endpointTarget('vector', stack, addressed)
  if (found === null) {
    await connection?.close()
    throw missing(stack, observed?.running === true)
  }
  const env = { ...runtime.env, ...(await target.secrets?.(stack)) }
  const keyed = withKey(found, env)
  const dispatcher = await dispatcherOf(keyed, env)
  // The content type goes with what has a body only.
  const { 'content-type': _, ...headers } = headersOf(keyed, env)
  const shared = keyed.urls.map((url): NodeAddress => ({ name: new URL(url).host, url, peerUrl: null }))
  const nodes = own.length > 0 ? own : shared
  const change = { what: 'change the Qdrant cluster', because: 'ragscale vector apply', tier: 'vector' }
  const asked = observed === null ? null : (target.confirmation?.(observed, [change]) ?? null)
  return {
    nodes: nodes.map((node) => ({ ...node, headers, dispatcher })),
    named: own.length > 0,
    collection: keyed.collection ?? '',
    // Nodes that are asked one by one are containers and processes of this machine; a tunnel says nothing of where it ends.
    loopback: asked === null && (own.length > 0 || nodes.every(({ url }) => isLoopback(url))),
    ...(connection?.obstacle === undefined
      ? {}
      : { obstacle: async () => (await connection.obstacle?.()) ?? null }),
    close: async () => {
      await dispatcher.close()
      await connection?.close()
    },
  }
}

function withKey(target: LoadTarget, env: Runtime['env']): LoadTarget {
  const given = env[keyVariable] !== undefined && env[keyVariable] !== ''
  return target.apiKeyEnv === undefined && given ? { ...target, apiKeyEnv: keyVariable } : target
}

function missing(stack: Stack, runs: boolean): UserError {
  if (stack.target === 'external') {
    return new UserError(`${stack.file} names no endpoint vector`, {
      hint: 'add endpoints.vector: { url: …, protocol: qdrant, collection: … }',
      exitCode: ExitCode.usage,
      code: 'config',
    })
  }
  if (stack.tiers.vector === undefined) {
    return new UserError(`${stack.file} has no tier vector`, { exitCode: ExitCode.usage, code: 'config' })
  }
  if (stack.target === 'swarm' && runs) {
    return new UserError(
      'the nodes of vector cannot be reached from here: not all are on this engine’s own node',
      {
        hint: 'cp deploy/swarm/stages.yaml deploy/swarm/stack.override.yaml, then ragscale up: it opens the tier’s port, on every address of the balancer’s nodes',
        exitCode: ExitCode.unhealthy,
        code: 'not-published',
      },
    )
  }
  return new UserError('tier vector does not run', {
    hint: 'ragscale up',
    exitCode: ExitCode.unhealthy,
    code: 'not-running',
  })
}

export interface GoalFlags {
  readonly drain: readonly string[]
  readonly shards?: string
  readonly dropOld: boolean
}

/** @throws UserError (exit 2) for a count that is none */
export function goalOf(stack: Stack, { collection: name }: VectorCluster, flags: GoalFlags): VectorGoal {
  const collection = stack.target === 'external' ? null : (stack.tiers.vector?.collection ?? null)
  const shards = flags.shards === undefined ? null : wholeOf(flags.shards, '--shards')
  const nodes = collection === null ? null : (stack.tiers.vector?.nodes ?? null)
  return { collection, nodes, name, drain: flags.drain, shards, dropOld: flags.dropOld }
}

/** A whole number from 1, as a flag gives it. */
export function wholeOf(text: string, flag: string): number {
  const value = Number(text)
  if (/^\d+$/.test(text) && Number.isSafeInteger(value) && value >= 1) return value
  throw new UserError(`${flag} ${text}: expected a whole number from 1`, {
    exitCode: ExitCode.usage,
    code: 'usage',
  })
}

export async function viewOf({ nodes, named }: VectorCluster): Promise<ClusterView> {
  return await readCluster(nodes, named)
}

export interface ApplyOptions {
  readonly timeoutMs: number
  readonly throttle: number | null
  readonly signal: AbortSignal
  /** Asked of each plan before anything of it is done: throws where it may not be. */
  readonly agree: (steps: readonly VectorStep[]) => Promise<void>
  readonly onStep: (step: VectorStep) => void
  readonly onDone: (step: VectorStep) => void
  readonly onCopy: (progress: CopyProgress) => void
  /** What is waited for meanwhile, in sentences. */
  readonly onNotice: (text: string) => void
}

export interface Applied extends VectorPlan {
  readonly view: ClusterView
  /** What is not well in the end, in sentences. */
  readonly troubles: readonly string[]
}

/**
 * Plans from what is there and does it, and again after what was under way has ended.
 * @throws UserError: exit 4 for a step that failed, 130 when interrupted; with what is left and what to do
 */
export async function applyVector(
  cluster: VectorCluster,
  goal: VectorGoal,
  options: ApplyOptions,
): Promise<Applied> {
  const done: VectorStep[] = []
  for (;;) {
    const view = await viewOf(cluster)
    const { steps, notes } = planVector(view, goal)
    await options.agree(steps)
    // A node that leaves is asked nothing: it does not learn what happens without it.
    const staying = cluster.nodes.filter(
      ({ name }) => !cluster.named || view.peers.some((peer) => peer.name === name && !isDrained(peer, goal)),
    )
    for (const step of steps) {
      if (options.signal.aborted) throw interruptedIn(done.at(-1) ?? null, options.signal.reason)
      options.onStep(step)
      await executeStep(step, {
        ...options,
        nodes: staying,
        nameOf: (peer) => view.peers.find(({ id }) => id === peer)?.name ?? `peer ${peer}`,
        down: async () => await downPeers(cluster.nodes, cluster.named),
      }).catch(async (error: unknown) => {
        if (options.signal.aborted) throw interruptedIn(step, error)
        if (!(error instanceof UserError)) throw error
        const now = await viewOf(cluster).catch(() => null)
        throw failedIn(step, error, now ?? { obstacle: (await cluster.obstacle?.()) ?? null })
      })
      done.push(step)
      options.onDone(step)
    }
    if (steps.some(isOfWhatIsUnderWay)) continue
    const now = await viewOf(cluster)
    return { steps: done, notes, view: now, troubles: troublesOf(now) }
  }
}

function isDrained({ name, id }: ClusterView['peers'][number], { drain }: VectorGoal): boolean {
  return drain.includes(name) || drain.includes(id)
}
