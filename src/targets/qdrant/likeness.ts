/** A second collection that is to take the place of another one: made like it, and compared before it does. */
import { z } from 'zod'
import { agreeMs, agreed, ask, pathOf, type VectorExecution } from './asking.ts'
import { Refused, answered, call, callText } from './call.ts'
import { parseExact } from './exact-json.ts'

const record = z.record(z.string(), z.unknown())
const likeAnswer = z.object({
  result: z.object({
    config: z.object({
      params: record,
      hnsw_config: record.nullish(),
      optimizer_config: record.nullish(),
      wal_config: record.nullish(),
      quantization_config: record.nullish(),
      strict_mode_config: record.nullish(),
      metadata: record.nullish(),
    }),
    payload_schema: z.record(z.string(), z.object({ data_type: z.string(), params: record.nullish() })),
  }),
})
const counted = z.object({ result: z.object({ count: z.number() }) })

/** What a collection takes only once it is there. */
const laterParams = ['read_fan_out_factor', 'read_fan_out_delay_ms']

/**
 * Everything as the other has it, but the count of shards and its strict mode, whose limits a copy might break. Run
 * again it makes what is missing.
 */
export async function createLike(
  from: string,
  to: string,
  shards: number,
  run: VectorExecution,
): Promise<void> {
  const { config, payload_schema: fields } = await infoOf(from, run)
  const [later, now] = parted(withoutNulls(config.params), laterParams)
  const like = {
    ...now,
    shard_number: shards,
    ...given('hnsw_config', config.hnsw_config),
    ...given('optimizers_config', config.optimizer_config),
    ...given('wal_config', config.wal_config),
    ...given('quantization_config', config.quantization_config),
    // A user's own: a null in it is one.
    ...(config.metadata == null ? {} : { metadata: config.metadata }),
  }
  await agreed('PUT', pathOf(to), JSON.stringify(like), run).catch((error: unknown) => {
    if (!(error instanceof Refused && error.status === 409)) throw error
  })
  if (Object.keys(later).length > 0) {
    await agreed('PATCH', pathOf(to), JSON.stringify({ params: later }), run)
  }
  for (const [field, { data_type: type, params }] of Object.entries(fields)) {
    const body = JSON.stringify({ field_name: field, field_schema: params ?? type })
    const options = { body, timeoutMs: agreeMs }
    await ask(run, async (node) => await call(node, 'PUT', `${pathOf(to)}/index?wait=true`, options))
  }
}

/**
 * The last look before a copy takes over, since waiting for its shards may have taken a while: it holds as many points,
 * and gets the strict mode.
 * @throws Error in words where points were written or removed since they were compared
 */
export async function verifyCopy(from: string, to: string, run: VectorExecution): Promise<void> {
  const [had, has] = [await countOf(from, run), await countOf(to, run)]
  if (had !== has) {
    throw new Error(
      `${from} holds ${had} points by now and ${to} ${has}: somebody wrote after they were compared (ragscale ingest, workers)`,
    )
  }
  // Last: were it not to take over yet, its limits would be in the way of the next pass.
  const { config } = await infoOf(from, run)
  const strict = given('strict_mode_config', config.strict_mode_config)
  if (Object.keys(strict).length > 0) await agreed('PATCH', pathOf(to), JSON.stringify(strict), run)
}

async function infoOf(collection: string, run: VectorExecution) {
  const text = await ask(run, async (node) => await callText(node, 'GET', pathOf(collection)))
  return answered(likeAnswer, parseExact(text)).result
}

async function countOf(collection: string, run: VectorExecution): Promise<number> {
  const options = { body: JSON.stringify({ exact: true }), timeoutMs: countMs }
  const path = `${pathOf(collection)}/points/count`
  return answered(counted, await ask(run, async (node) => await call(node, 'POST', path, options))).result
    .count
}

/** To count exactly every shard is gone through. */
const countMs = 30_000

type Fields = Readonly<Record<string, unknown>>

function given(key: string, value: Fields | null | undefined): Fields {
  return value === null || value === undefined ? {} : { [key]: withoutNulls(value) }
}

function withoutNulls(value: Fields): Fields {
  return Object.fromEntries(Object.entries(value).filter(([, one]) => one !== null))
}

/** Those that are named, and the others. */
function parted(value: Fields, names: readonly string[]): [Fields, Fields] {
  const isNamed = ([name]: readonly [string, unknown]): boolean => names.includes(name)
  const entries = Object.entries(value)
  return [
    Object.fromEntries(entries.filter(isNamed)),
    Object.fromEntries(entries.filter((entry) => !isNamed(entry))),
  ]
}
