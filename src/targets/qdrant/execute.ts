/** Does what was planned; decides nothing. */
import { setTimeout as sleep } from 'node:timers/promises'
import { z } from 'zod'
import { ExitCode, UserError, messageOf } from '../../errors.ts'
import { createCollection } from '../../ingest/collection.ts'
import { clientOf, initOf } from '../../ingest/store.ts'
import { type NodeAddress, Refused, call, callText, persistently, answered } from './call.ts'
import { removePeerById } from './cluster.ts'
import { type CopyProgress, copyPoints } from './copy.ts'
import { parseExact } from './exact-json.ts'
import type { VectorStep } from './plan.ts'
import { transferShard } from './transfer.ts'

export interface VectorExecution {
  /** Nodes that stay. */
  readonly nodes: readonly NodeAddress[]
  /** Of one step. */
  readonly timeoutMs: number
  readonly throttle: number | null
  readonly signal: AbortSignal
  readonly onCopy: (progress: CopyProgress) => void
  /** What is waited for meanwhile, in sentences. */
  readonly onNotice: (text: string) => void
  /** What a peer is called. */
  readonly nameOf: (peer: string) => string
  /** Peers that do not answer now. */
  readonly down: () => Promise<ReadonlySet<string>>
}

/** How long the nodes may take to agree on a change, s and ms. */
const agreeSeconds = 60
const agreeMs = 70_000
/** A node that is lost is back, or its shards are served by others, within this. */
const patienceMs = 60_000

/** @throws UserError (exit 4) naming the step, when it failed or took too long; the signal's reason */
export async function executeStep(step: VectorStep, run: VectorExecution): Promise<void> {
  const { nodes, timeoutMs, signal, onNotice } = run
  switch (step.kind) {
    case 'wait':
      return await attempt(step, async () => await waitFor(step.collection, step.shard, run))
    case 'recover':
      return await attempt(step, async () => {
        const { collection, shard, peer } = step
        await untilWhole(collection, (one, of) => one === shard && of === peer, false, run)
      })
    case 'settle':
      return await attempt(step, async () => await untilWhole(step.collection, () => true, true, run))
    case 'abort-transfer': {
      const { shard, from, to } = step
      // Ids are written as they are: a number of JavaScript would round them.
      const body = `{"abort_transfer":{"shard_id":${shard},"from_peer_id":${from},"to_peer_id":${to}}}`
      return await attempt(step, async () => await aborted(`${pathOf(step.collection)}/cluster`, body, run))
    }
    case 'create':
      return await attempt(step, async () => {
        await ask(run, async (node) => {
          const endpoint = {
            url: node.url,
            timeoutMs: agreeMs,
            ...(node.headers === undefined ? {} : { headers: node.headers }),
            ...(node.dispatcher === undefined ? {} : { dispatcher: node.dispatcher }),
          }
          return await createCollection(clientOf(endpoint).api(), step.collection, initOf(endpoint))
        })
      })
    case 'set-replication': {
      const body = JSON.stringify({ params: { replication_factor: step.replication } })
      return await attempt(step, async () => await agreed('PATCH', pathOf(step.collection), body, run))
    }
    case 'transfer':
      return await transferShard(step.move, step.what, nodes, run)
    case 'remove-peer':
      return await removePeerById(step.peer, step.name, nodes, { timeoutMs, signal })
    case 'create-like':
      return await attempt(step, async () => await createLike(step.from, step.to, step.shards, run))
    case 'copy':
      return await attempt(step, async () => {
        const { throttle, onCopy: onProgress } = run
        const { from, to } = step
        await copyPoints({ nodes, from, to, throttle, signal, patienceMs, onProgress, onNotice })
      })
    case 'change-aliases': {
      const body = JSON.stringify({ actions: step.actions })
      return await attempt(step, async () => await agreed('POST', '/collections/aliases', body, run))
    }
    case 'drop-collection':
      return await attempt(step, async () => await agreed('DELETE', pathOf(step.collection), undefined, run))
  }
}

/** Of whichever node answers, for as long as nodes are lost or choose a leader: a call that may be made twice. */
async function ask<T>(
  { nodes, signal, onNotice }: VectorExecution,
  asking: (node: NodeAddress) => Promise<T>,
): Promise<T> {
  return await persistently(nodes, asking, { patienceMs, signal, onNotice })
}

async function agreed(
  method: 'PUT' | 'POST' | 'PATCH' | 'DELETE',
  path: string,
  body: string | undefined,
  run: VectorExecution,
): Promise<void> {
  const options = { timeoutMs: agreeMs, ...(body === undefined ? {} : { body }) }
  await ask(run, async (node) => await call(node, method, `${path}?timeout=${agreeSeconds}`, options))
}

/** One that has ended by itself is no failure. */
async function aborted(path: string, body: string, run: VectorExecution): Promise<void> {
  await ask(run, async (node) => await call(node, 'POST', path, { body })).catch((error: unknown) => {
    if (!(error instanceof Refused && error.status === 404)) throw error
  })
}

const copiesAnswer = z.object({
  result: z.object({
    peer_id: z.coerce.string(),
    local_shards: z.array(z.object({ shard_id: z.number(), state: z.string() })),
    remote_shards: z.array(z.object({ shard_id: z.number(), peer_id: z.coerce.string(), state: z.string() })),
    shard_transfers: z.array(z.object({ shard_id: z.number() })),
  }),
})

/**
 * Until the copies that are meant are active, and all nodes answer where `everyNode`.
 * @throws Error in words when nothing brings them up to date
 */
async function untilWhole(
  collection: string,
  isMeant: (shard: number, peer: string) => boolean,
  everyNode: boolean,
  run: VectorExecution,
): Promise<void> {
  const deadlineMs = performance.now() + run.timeoutMs
  let movedMs = performance.now()
  for (;;) {
    const answer = await ask(run, async (node) => await call(node, 'GET', `${pathOf(collection)}/cluster`))
    const { result } = answered(copiesAnswer, answer)
    const behind = [
      ...result.local_shards.map((copy) => ({ ...copy, peer_id: result.peer_id })),
      ...result.remote_shards,
    ].filter(({ shard_id: shard, peer_id: peer, state }) => state !== 'Active' && isMeant(shard, peer))
    const down = everyNode ? await run.down().catch(() => new Set<string>()) : new Set<string>()
    if (behind.length === 0 && down.size === 0) return
    const nowMs = performance.now()
    if (result.shard_transfers.some(({ shard_id: one }) => behind.some(({ shard_id: its }) => its === one)))
      movedMs = nowMs
    const troubles = [
      ...[...down].map((peer) => `${run.nameOf(peer)} does not answer`),
      ...behind.map(
        ({ shard_id: shard, peer_id: peer, state }) => `shard ${shard} is ${state} on ${run.nameOf(peer)}`,
      ),
    ].join(', ')
    if (nowMs - movedMs > patienceMs) throw new Error(`${troubles}, and nothing brings it up to date`)
    if (nowMs > deadlineMs) throw new Error(`it was not done in time: ${troubles}`)
    await sleep(500, undefined, { signal: run.signal })
  }
}

const transfersAnswer = z.object({
  result: z.object({ shard_transfers: z.array(z.object({ shard_id: z.number() })) }),
})

async function waitFor(collection: string, shard: number, run: VectorExecution): Promise<void> {
  const deadlineMs = performance.now() + run.timeoutMs
  for (;;) {
    const answer = await ask(run, async (node) => await call(node, 'GET', `${pathOf(collection)}/cluster`))
    const { shard_transfers: transfers } = answered(transfersAnswer, answer).result
    if (!transfers.some(({ shard_id: one }) => one === shard)) return
    if (performance.now() > deadlineMs) throw new Error('it was not done in time')
    await sleep(200, undefined, { signal: run.signal })
  }
}

const record = z.record(z.string(), z.unknown())
const likeAnswer = z.object({
  result: z.object({
    config: z.object({
      params: record,
      hnsw_config: record.nullish(),
      optimizer_config: record.nullish(),
      quantization_config: record.nullish(),
    }),
    payload_schema: z.record(z.string(), z.object({ data_type: z.string(), params: record.nullish() })),
  }),
})

/** Everything as the other has it, but the count of shards. Run again it makes what is missing. */
async function createLike(from: string, to: string, shards: number, run: VectorExecution): Promise<void> {
  const text = await ask(run, async (node) => await callText(node, 'GET', pathOf(from)))
  const { config, payload_schema: fields } = answered(likeAnswer, parseExact(text)).result
  const like = {
    ...config.params,
    shard_number: shards,
    ...given('hnsw_config', config.hnsw_config),
    ...given('optimizers_config', config.optimizer_config),
    ...given('quantization_config', config.quantization_config),
  }
  await agreed('PUT', pathOf(to), JSON.stringify(like), run).catch((error: unknown) => {
    if (!(error instanceof Refused && error.status === 409)) throw error
  })
  for (const [field, { data_type: type, params }] of Object.entries(fields)) {
    const body = JSON.stringify({ field_name: field, field_schema: params ?? type })
    const options = { body, timeoutMs: agreeMs }
    await ask(run, async (node) => await call(node, 'PUT', `${pathOf(to)}/index?wait=true`, options))
  }
}

function given(key: string, value: Record<string, unknown> | null | undefined): object {
  if (value === null || value === undefined) return {}
  return { [key]: Object.fromEntries(Object.entries(value).filter(([, one]) => one !== null)) }
}

const pathOf = (collection: string): string => `/collections/${encodeURIComponent(collection)}`

async function attempt(step: VectorStep, act: () => Promise<void>): Promise<void> {
  try {
    await act()
  } catch (error) {
    if (error instanceof UserError || (error instanceof Error && error.name === 'AbortError')) throw error
    throw new UserError(`could not ${step.what}: ${messageOf(error)}`, {
      hint: 'What was done stays done; the same command goes on from there. ragscale vector status shows where.',
      exitCode: ExitCode.unhealthy,
      code: 'unhealthy',
      cause: error,
    })
  }
}
