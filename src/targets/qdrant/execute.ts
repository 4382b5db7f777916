/** Does what was planned; decides nothing. */
import { setTimeout as sleep } from 'node:timers/promises'
import { z } from 'zod'
import { ExitCode, UserError, messageOf } from '../../errors.ts'
import { createCollection } from '../../ingest/collection.ts'
import { clientOf, initOf } from '../../ingest/store.ts'
import { type NodeAddress, Refused, call, callText, firstOf, persistently, answered } from './call.ts'
import { removePeerById, transferShard } from './cluster.ts'
import { type CopyProgress, copyPoints } from './copy.ts'
import { parseExact } from './exact-json.ts'
import type { VectorStep } from './plan.ts'

export interface VectorExecution {
  /** Nodes that stay. */
  readonly nodes: readonly NodeAddress[]
  /** Of one step. */
  readonly timeoutMs: number
  readonly throttle: number | null
  readonly signal: AbortSignal
  readonly onCopy: (progress: CopyProgress) => void
}

/** How long the nodes may take to agree on a change, s and ms. */
const agreeSeconds = 60
const agreeMs = 70_000
/** A node that is lost is back, or its shards are served by others, within this. */
const patienceMs = 60_000

/** @throws UserError (exit 4) naming the step, when it failed or took too long; the signal's reason */
export async function executeStep(step: VectorStep, run: VectorExecution): Promise<void> {
  const { nodes, timeoutMs, signal } = run
  switch (step.kind) {
    case 'wait':
      return await attempt(step, async () => await waitFor(step.collection, step.shard, run))
    case 'create':
      return await attempt(step, async () => {
        await firstOf(nodes, async (node) => {
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
      return await transferShard(step.move, step.what, nodes, { timeoutMs, signal })
    case 'remove-peer':
      return await removePeerById(step.peer, step.name, nodes)
    case 'create-like':
      return await attempt(step, async () => await createLike(step.from, step.to, step.shards, run))
    case 'copy':
      return await attempt(step, async () => {
        const { throttle, onCopy: onProgress } = run
        const { from, to } = step
        await copyPoints({ nodes, from, to, throttle, signal, patienceMs, onProgress })
      })
    case 'change-aliases': {
      const body = JSON.stringify({ actions: step.actions })
      return await attempt(step, async () => await agreed('POST', '/collections/aliases', body, run))
    }
    case 'drop-collection':
      return await attempt(step, async () => await agreed('DELETE', pathOf(step.collection), undefined, run))
  }
}

async function agreed(
  method: 'PUT' | 'POST' | 'PATCH' | 'DELETE',
  path: string,
  body: string | undefined,
  { nodes }: VectorExecution,
): Promise<void> {
  const options = { timeoutMs: agreeMs, ...(body === undefined ? {} : { body }) }
  await firstOf(nodes, async (node) => await call(node, method, `${path}?timeout=${agreeSeconds}`, options))
}

const transfersAnswer = z.object({
  result: z.object({ shard_transfers: z.array(z.object({ shard_id: z.number() })) }),
})

async function waitFor(collection: string, shard: number, run: VectorExecution): Promise<void> {
  const deadlineMs = performance.now() + run.timeoutMs
  for (;;) {
    const answer = await persistently(
      run.nodes,
      async (node) => await call(node, 'GET', `${pathOf(collection)}/cluster`),
      { patienceMs, signal: run.signal },
    )
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
  const text = await firstOf(run.nodes, async (node) => await callText(node, 'GET', pathOf(from)))
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
    await firstOf(
      run.nodes,
      async (node) => await call(node, 'PUT', `${pathOf(to)}/index?wait=true`, { body, timeoutMs: agreeMs }),
    )
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
