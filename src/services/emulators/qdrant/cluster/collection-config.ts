import { formatError, invalidBody, notEmulated } from '../errors.ts'
import { distances, type Distance } from '../search/distance.ts'
import { flag, float, object, oneOf, optional, required, unsigned, type Fields } from '../wire/fields.ts'
import { isObject } from '../wire/json.ts'

/** A collection's configuration as `GET /collections/{name}` prints it, keys in that order. */
export interface CollectionConfig {
  params: {
    vectors: { size: number; distance: Distance } & Fields
    shard_number: number
    sharding_method?: 'auto' | 'custom'
    replication_factor: number
    write_consistency_factor: number
    on_disk_payload: boolean
  }
  hnsw_config: { m: number; ef_construct: number; full_scan_threshold: number } & Fields
  optimizer_config: { default_segment_number: number; indexing_threshold: number } & Fields
  wal_config: Fields
  quantization_config: unknown
  strict_mode_config?: unknown
  metadata?: unknown
}

type Problem = readonly [field: string, message: string]

interface Bound {
  readonly min?: number
  readonly max?: number
  readonly kind?: 'integer' | 'float' | 'flag' | 'any'
}

const hnswFields: Readonly<Record<string, Bound>> = {
  m: {},
  ef_construct: { min: 4 },
  full_scan_threshold: { min: 10 },
  max_indexing_threads: {},
  on_disk: { kind: 'flag' },
  payload_m: {},
  inline_storage: { kind: 'flag' },
}
const optimizerFields: Readonly<Record<string, Bound>> = {
  deleted_threshold: { min: 0, max: 1, kind: 'float' },
  vacuum_min_vector_number: { min: 100 },
  default_segment_number: {},
  max_segment_size: { min: 1 },
  memmap_threshold: {},
  indexing_threshold: {},
  flush_interval_sec: {},
  max_optimization_threads: { kind: 'any' },
  prevent_unoptimized: { kind: 'flag' },
}
const walFields: Readonly<Record<string, Bound>> = {
  wal_capacity_mb: { min: 1 },
  wal_segments_ahead: {},
  wal_retain_closed: { min: 1 },
}
const paramFields: Readonly<Record<string, Bound>> = {
  replication_factor: { min: 1 },
  write_consistency_factor: { min: 1 },
  on_disk_payload: { kind: 'flag' },
}

/** Reads the body of a request that creates a collection. `shards`: how many it gets when it does not say. */
export function newCollectionConfig(body: unknown, shards: number): CollectionConfig {
  const fields = object(body, 'struct CreateCollection')
  const problems: Problem[] = []
  const vectors = vectorParams(fields, problems)
  const count = (name: string) =>
    optional(fields[name], (value) => bounded(value, name, { min: 1 }, problems) as number)
  const shardNumber = count('shard_number')
  const replication = count('replication_factor')
  const consistency = count('write_consistency_factor')
  const shardingMethod = optional(fields['sharding_method'], (value) => oneOf(value, ['auto', 'custom']))
  const config: CollectionConfig = {
    params: {
      vectors,
      shard_number: shardNumber ?? (shardingMethod === 'custom' ? 1 : shards),
      ...(shardingMethod === undefined ? {} : { sharding_method: shardingMethod }),
      replication_factor: replication ?? 1,
      write_consistency_factor: consistency ?? 1,
      on_disk_payload: optional(fields['on_disk_payload'], flag) ?? true,
    },
    hnsw_config: {
      m: 16,
      ef_construct: 100,
      full_scan_threshold: 10_000,
      max_indexing_threads: 0,
      on_disk: false,
      ...section(fields, 'hnsw_config', hnswFields, problems),
    },
    optimizer_config: {
      deleted_threshold: 0.2,
      vacuum_min_vector_number: 1000,
      default_segment_number: 0,
      max_segment_size: null,
      memmap_threshold: null,
      indexing_threshold: 10_000,
      flush_interval_sec: 5,
      max_optimization_threads: null,
      prevent_unoptimized: null,
      ...section(fields, 'optimizers_config', optimizerFields, problems),
    },
    wal_config: {
      wal_capacity_mb: 32,
      wal_segments_ahead: 0,
      wal_retain_closed: 1,
      ...section(fields, 'wal_config', walFields, problems),
    },
    quantization_config: quantization(fields['quantization_config']) ?? null,
  }
  for (const name of ['strict_mode_config', 'metadata'] as const) {
    if (isObject(fields[name])) config[name] = fields[name]
  }
  if (isObject(fields['sparse_vectors']) && Object.keys(fields['sparse_vectors']).length > 0) {
    throw notEmulated('sparse vectors')
  }
  if (problems.length > 0) throw invalidBody(problems)
  return config
}

/** The configuration with what a request to update a collection changes in it. */
export function updatedConfig(config: CollectionConfig, body: unknown): CollectionConfig {
  const fields = object(body, 'struct UpdateCollection')
  const problems: Problem[] = []
  const quantized = quantization(fields['quantization_config'])
  const vectors = optional(fields['vectors'], (value) => object(object(value)['']))
  const updated: CollectionConfig = {
    ...config,
    params: {
      ...config.params,
      ...section(fields, 'params', paramFields, problems),
      vectors: { ...config.params.vectors, ...vectors },
    },
    hnsw_config: { ...config.hnsw_config, ...section(fields, 'hnsw_config', hnswFields, problems) },
    optimizer_config: {
      ...config.optimizer_config,
      ...section(fields, 'optimizers_config', optimizerFields, problems),
    },
    quantization_config: quantized === undefined ? config.quantization_config : quantized,
  }
  if (isObject(fields['strict_mode_config'])) updated.strict_mode_config = fields['strict_mode_config']
  if (isObject(fields['metadata'])) updated.metadata = fields['metadata']
  if (problems.length > 0) throw invalidBody(problems)
  return updated
}

function vectorParams(fields: Fields, problems: Problem[]): CollectionConfig['params']['vectors'] {
  const vectors = object(fields['vectors'] ?? {})
  if (!('size' in vectors) && !('distance' in vectors))
    throw notEmulated('named vectors, and no collections without a vector')
  if (vectors['multivector_config'] != null) throw notEmulated('multivectors')
  const size = bounded(required(vectors, 'size'), 'vectors.size', { min: 1, max: 65_536 }, problems) as number
  const distance = oneOf(required(vectors, 'distance'), distances)
  const others = Object.entries(vectors).filter(
    ([name, value]) => !['size', 'distance'].includes(name) && value !== null,
  )
  return { size, distance, ...Object.fromEntries(others) }
}

/** The known fields of one section that are given, each within its bounds. */
function section(
  fields: Fields,
  name: string,
  known: Readonly<Record<string, Bound>>,
  problems: Problem[],
): Fields {
  const given = optional(fields[name], (value) => object(value)) ?? {}
  const read: Fields = {}
  for (const [field, value] of Object.entries(given)) {
    const bound = known[field]
    if (bound === undefined || value === null) continue
    read[field] = bounded(value, `${name}.${field}`, bound, problems)
  }
  return read
}

function bounded(value: unknown, field: string, { min, max, kind }: Bound, problems: Problem[]): unknown {
  if (kind === 'any') return value
  if (kind === 'flag') return flag(value)
  const number = kind === 'float' ? float(value) : unsigned(value)
  const shown = kind === 'float' && Number.isInteger(number) ? `${number}.0` : String(number)
  const low = kind === 'float' && min !== undefined ? `${min}.0` : min
  const high = kind === 'float' && max !== undefined ? `${max}.0` : max
  if ((min !== undefined && number < min) || (max !== undefined && number > max)) {
    problems.push([
      field,
      `value ${shown} invalid, must be ${max === undefined ? `${low} or larger` : `from ${low} to ${high}`}`,
    ])
  }
  return number
}

/** Null switches quantization off. */
function quantization(value: unknown): unknown {
  if (value === undefined || value === null) return undefined
  if (value === 'Disabled') return null
  const kind = isObject(value) ? Object.keys(value) : []
  if (kind.length !== 1 || !['scalar', 'product', 'binary', 'turbo'].includes(kind[0]!)) {
    throw formatError('data did not match any variant of untagged enum QuantizationConfig')
  }
  return value
}
