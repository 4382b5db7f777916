import { setTimeout as delay } from 'node:timers/promises'
import { messageOf, UserError } from '../../errors.ts'
import {
  createCollection,
  createIndexes,
  readCollection,
  reasonOf,
  type CollectionShape,
  type QdrantApi,
} from '../../ingest/collection.ts'
import { clientOf, initOf, refuseDimensions } from '../../ingest/store.ts'
import type { Collection } from '../../stack/stack.ts'
import { copiesOf, membersOf } from './cluster.ts'
import type { CollectionConfig } from './config.ts'

/** Between two looks at a cluster that is not ready yet. */
const pollMs = 500
/** Of one request; a node that is starting may take a connection and answer nothing. */
const requestMs = 70_000
/** For a node that is not there though the collection is: a lost one must not keep the others from being used. */
const lateNodeSeconds = 30

export interface Prepared {
  readonly created: boolean
  /** What came of it, in one line. */
  readonly said: string
  /** What exists and differs from what is wanted, though it can be worked with. */
  readonly warnings: readonly string[]
}

/**
 * Waits for the cluster, makes the collection by the stack's shard plan where it is absent, and otherwise holds
 * the existing one to it. Doing it again changes nothing.
 * @throws UserError: Qdrant or a node did not come in time, refuses the key, or the collection is of another kind
 */
export async function prepareCollection(
  config: CollectionConfig,
  apiKey: string | undefined,
  signal: AbortSignal,
): Promise<Prepared> {
  const { vector, nodes, collection, waitSeconds } = config
  const endpoint = {
    url: vector.url,
    timeoutMs: requestMs,
    ...(apiKey === undefined ? {} : { headers: { 'api-key': apiKey } }),
  }
  const api = clientOf(endpoint).api()
  const init: RequestInit = { ...initOf(endpoint), signal }
  const waiting = { seconds: waitSeconds, at: vector.url, apiKeyEnv: vector.apiKeyEnv, signal }

  let members = 0
  const awaitMembers = (least: number, seconds: number): Promise<void> =>
    eventually({ ...waiting, seconds }, `Qdrant at ${vector.url}`, async () => {
      members = await membersOf(api, init)
      return members < least ? `has ${members} of ${nodes} nodes` : null
    })
  await awaitMembers(1, waitSeconds)
  const existing = await attempted(config, () => readCollection(api, collection.name, init))
  if (existing === null) {
    // Shards are placed on the nodes that are there: made too early, the late ones would stay empty.
    await awaitMembers(nodes, waitSeconds)
    const created = await attempted(config, () => createCollection(api, collection, init))
    await eventually(waiting, `collection ${collection.name}`, async () => {
      const shards = await copiesOf(api, collection.name, init)
      const whole = shards.filter(({ active }) => active >= collection.replication)
      if (whole.length === collection.shards) return null
      return `has ${whole.length} of ${collection.shards} shards with all their copies active`
    })
    return {
      created,
      said: `${planOf(collection, members)}, ${created ? 'created' : 'exists'}`,
      warnings: [],
    }
  }
  refuseOtherKind(existing, collection)
  await attempted(config, () => createIndexes(api, collection.name, init))
  const late = await awaitMembers(nodes, Math.min(waitSeconds, lateNodeSeconds)).then(
    () => [],
    (error: unknown) => [`${messageOf(error)}; the collection exists already, so this goes on`],
  )
  signal.throwIfAborted()
  const warnings = [
    ...late,
    ...differences(existing, collection),
    ...(await deadCopies(api, collection, init)),
  ]
  const said = `${planOf({ ...existing, name: collection.name }, members)}, exists${warnings.length === 0 ? ' as wanted' : ''}`
  return { created: false, said, warnings }
}

function planOf(
  { name, shards, replication }: Pick<Collection, 'name' | 'shards' | 'replication'>,
  members: number,
): string {
  return `collection ${name}: ${count(shards, 'shard')} × ${count(replication, 'copy', 'copies')} on ${count(members, 'node')}`
}

/** Vectors of another kind cannot be searched together with those that are going to be written. */
function refuseOtherKind(existing: CollectionShape, collection: Collection): void {
  refuseDimensions(existing, collection)
  if (existing.distance === collection.distance) return
  throw new UserError(
    `collection "${collection.name}" compares vectors by ${existing.distance ?? 'several distances'}, and ${collection.distance} is wanted`,
    {
      hint: `Set tiers.vector.collection.distance to ${existing.distance ?? 'what it has'}, or name another collection: the distance of one that exists cannot change.`,
    },
  )
}

function differences(existing: CollectionShape, collection: Collection): string[] {
  return (['shards', 'replication', 'writeConsistency', 'quantization'] as const)
    .filter((key) => existing[key] !== collection[key])
    .map(
      (key) =>
        `collection ${collection.name} has ${key} ${existing[key]}, and ${collection[key]} is wanted: ragscale vector plan says what changing it takes`,
    )
}

/** A shard without an active copy answers nothing; a copy that is missing is a warning. */
async function deadCopies(api: QdrantApi, { name }: Collection, init: RequestInit): Promise<string[]> {
  const shards = await copiesOf(api, name, init).catch(() => [])
  const lost = shards.filter(({ active }) => active === 0).map(({ shard }) => shard)
  if (lost.length > 0) {
    throw new UserError(
      `collection "${name}" has no active copy of shard ${lost.join(', ')}: its points cannot be searched`,
      { hint: 'Start the node that holds them, or see ragscale vector status.' },
    )
  }
  return shards
    .filter(({ active, copies }) => active < copies)
    .map(({ shard, active, copies }) => `shard ${shard} has ${active} of ${copies} copies active`)
}

async function attempted<T>(config: CollectionConfig, call: () => Promise<T>): Promise<T> {
  try {
    return await call()
  } catch (error) {
    throw new UserError(`Qdrant at ${config.vector.url} failed: ${reasonOf(error)}`, { cause: error })
  }
}

interface Waiting {
  readonly seconds: number
  readonly at: string
  readonly apiKeyEnv: string | undefined
  readonly signal: AbortSignal
}

/**
 * Looks until there is nothing more to wait for (null).
 * @throws UserError with what was waited for last, when the time is over; at once when the key is refused
 */
async function eventually(
  { seconds, at, apiKeyEnv, signal }: Waiting,
  what: string,
  look: () => Promise<string | null>,
): Promise<void> {
  const deadline = performance.now() + seconds * 1_000
  for (;;) {
    const lacking = await look().catch((error: unknown) => {
      signal.throwIfAborted()
      const status = error instanceof Error && 'status' in error ? error.status : undefined
      if (status === 401 || status === 403) {
        throw new UserError(`Qdrant at ${at} refuses the key: ${reasonOf(error)}`, {
          hint:
            apiKeyEnv === undefined
              ? 'It wants one: name its variable as vector.apiKeyEnv.'
              : `Is ${apiKeyEnv} what QDRANT__SERVICE__API_KEY of the nodes is?`,
          cause: error,
        })
      }
      return `does not answer: ${reasonOf(error)}`
    })
    if (lacking === null) return
    if (performance.now() > deadline) {
      throw new UserError(`${what} ${lacking}, after ${seconds} s of waiting`, {
        hint: 'See the logs of its nodes: ragscale logs vector',
      })
    }
    await delay(pollMs, undefined, { signal })
  }
}

function count(number: number, one: string, many = `${one}s`): string {
  return `${number} ${number === 1 ? one : many}`
}
