/** Does what was planned; decides nothing. */
import { setTimeout as sleep } from 'node:timers/promises'
import { z } from 'zod'
import { ExitCode, UserError, messageOf } from '../../errors.ts'
import { createCollection } from '../../ingest/collection.ts'
import { clientOf, initOf } from '../../ingest/store.ts'
import { agreeMs, agreed, ask, pathOf, patienceMs, type VectorExecution } from './asking.ts'
import { Refused, call, answered } from './call.ts'
import { removePeerById } from './cluster.ts'
import { copyPoints } from './copy.ts'
import { createLike, verifyCopy } from './likeness.ts'
import type { VectorStep } from './plan.ts'
import { transferShard } from './transfer.ts'

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
    case 'verify':
      return await attempt(step, async () => await verifyCopy(step.from, step.to, run))
    case 'change-aliases': {
      const body = JSON.stringify({ actions: step.actions })
      return await attempt(step, async () => await agreed('POST', '/collections/aliases', body, run))
    }
    case 'drop-collection':
      return await attempt(step, async () => await agreed('DELETE', pathOf(step.collection), undefined, run))
  }
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
