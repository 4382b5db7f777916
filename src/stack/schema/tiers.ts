/** `tiers:`, one schema a tier. Which keys mean something with which component is a rule (`rules/components.ts`). */
import { z } from 'zod'
import { autoscaleSchema, latencyAutoscaleSchema } from './autoscale.ts'
import { emulateSchemas } from './emulate.ts'
import { countField, durationField, imageField, numberField, sizeField, textField } from './fields.ts'
import { providerKeys } from './provider.ts'

const replicas = () => countField(1, 1000).prefault(1).describe('Copies of this tier, behind a balancer.')
const gpu = () => textField('the name of a GPU').optional()

const image = imageField()
  .optional()
  .describe('In place of the image that the catalogue pins: registry.example/name:tag.')

const cpus = numberField(0.01, 1024).optional().describe('CPU cores of one.')
const memory = sizeField().optional().describe('Memory of one, such as 8GiB.')
const resources = z
  .strictObject({ cpus, memory })
  .optional()
  .describe('What one replica reserves, in place of what the catalogue reckons.')

const ours = { replicas: replicas(), image, resources }

const gateway = z
  .strictObject({
    component: z.enum(['reference']).default('reference').describe('ragscale’s own RAG service.'),
    ...ours,
    autoscale: latencyAutoscaleSchema.optional(),
  })
  .describe('Answers queries: embed, retrieve, rerank where there is one, generate.')

const embed = z
  .strictObject({
    component: z
      .enum(['tei', 'openai'])
      .default('tei')
      .describe('tei: Text Embeddings Inference. openai: an API provider.'),
    model: textField('a model’s name').describe('The embedding model, by its Hugging Face name.'),
    replicas: replicas(),
    gpu: gpu().describe('The GPU of each replica, or cpu. Default: cpu.'),
    image,
    resources,
    autoscale: autoscaleSchema.optional(),
    ...providerKeys,
    emulate: emulateSchemas.embed.optional(),
  })
  .describe('Text → vectors.')

const collection = z
  .strictObject({
    name: textField('a name', {
      like: /^[A-Za-z0-9_-]{1,255}$/,
      says: (got) => `expected a name of letters, digits, - and _, got ${got}`,
    })
      .default('docs')
      .describe('The collection’s name.'),
    dimensions: countField(1, 65_536)
      .optional()
      .describe('Length of a vector. Default: what the embedding model gives, where it is a known one.'),
    distance: z
      .enum(['Cosine', 'Dot', 'Euclid', 'Manhattan'])
      .default('Cosine')
      .describe('How vectors are compared.'),
    points: countField(1, 100_000_000_000)
      .prefault(100_000)
      .describe('Points that the collection is sized for.'),
    shards: countField(1, 1000)
      .optional()
      .describe('Parts of the collection; it cannot change later. Default: as many as nodes.'),
    replication: countField(1, 100).prefault(1).describe('Copies of each shard, on different nodes.'),
    writeConsistency: countField(1, 100)
      .prefault(1)
      .describe('Copies that must have a write before it is answered.'),
    quantization: z
      .enum(['none', 'scalar', 'product', 'binary'])
      .default('none')
      .describe('A smaller copy of the vectors that is searched in place of them.'),
  })
  .describe('What is stored, and over how many parts.')

const vector = z
  .strictObject({
    component: z.enum(['qdrant']).default('qdrant').describe('The vector database.'),
    nodes: countField(1, 1000).prefault(1).describe('Members of the cluster.'),
    cpus: numberField(0.1, 512).default(2).describe('CPU cores of one node.'),
    collection: collection.prefault({}),
    image,
    resources: z
      .strictObject({ memory })
      .optional()
      .describe('What one node reserves, in place of what the catalogue reckons.'),
    emulate: emulateSchemas.vector.optional(),
  })
  .describe('Vectors → the nearest points.')

const rerank = z
  .strictObject({
    component: z.enum(['tei']).default('tei').describe('Text Embeddings Inference.'),
    model: textField('a model’s name').describe('The cross-encoder, by its Hugging Face name.'),
    replicas: replicas(),
    gpu: gpu().describe('The GPU of each replica, or cpu. Default: cpu.'),
    image,
    resources,
    autoscale: autoscaleSchema.optional(),
    emulate: emulateSchemas.rerank.optional(),
  })
  .describe('What was retrieved → in order of relevance.')

const generate = z
  .strictObject({
    component: z
      .enum(['vllm', 'tgi', 'ollama', 'openai'])
      .default('vllm')
      .describe('The inference server: vllm, tgi or ollama. openai: an API provider.'),
    model: textField('a model’s name').describe(
      'The language model, by the name that its component knows: a Hugging Face name, or Ollama’s.',
    ),
    replicas: replicas(),
    gpu: gpu().describe('The GPU of each replica; cpu where the component can do without.'),
    tensorParallel: countField(1, 64).prefault(1).describe('GPUs that one replica is spread over.'),
    maxModelLength: countField(1, 10_000_000)
      .prefault(8192)
      .describe('Tokens that a prompt and its answer may have together.'),
    maxSequences: countField(1, 4096)
      .optional()
      .describe(
        'Sequences that one replica decodes together; more wait. Default: 256, of tgi 128, of ollama 4.',
      ),
    image,
    resources,
    autoscale: autoscaleSchema.optional(),
    ...providerKeys,
    emulate: emulateSchemas.generate.optional(),
  })
  .describe('A prompt → an answer, token by token.')

const remembered = z.strictObject({
  ttl: durationField().describe('How long an entry lives.'),
})

const cache = z
  .strictObject({
    component: z
      .enum(['memory', 'redis'])
      .default('memory')
      .describe('memory: each gateway replica keeps its own. redis: all share one.'),
    replicas: replicas(),
    embeddings: remembered.optional().describe('Vectors of queries asked before. Default: off.'),
    retrievals: remembered.optional().describe('What was retrieved for a vector. Default: off.'),
    answers: remembered.optional().describe('Whole answers. Default: off.'),
    entries: countField(1, 1_000_000_000).prefault(10_000).describe('Entries that each of them holds.'),
    image,
    resources,
  })
  .describe('What the gateway remembers.')

const worker = z
  .strictObject({
    component: z.enum(['reference']).default('reference').describe('ragscale’s own ingest worker.'),
    ...ours,
    autoscale: autoscaleSchema.optional(),
  })
  .describe('Documents → chunks → vectors → points.')

const queue = z
  .strictObject({
    component: z.enum(['redis']).default('redis').describe('What holds the queue.'),
    image,
    resources,
  })
  .describe('Documents that wait for a worker. It does not run on target local.')

const metadata = z
  .strictObject({
    component: z.enum(['postgres']).default('postgres').describe('The database.'),
    replicas: countField(1, 16).prefault(1).describe('The primary and its read replicas, together.'),
    image,
    resources,
  })
  .describe('A database for what is kept beside the vectors. It does not run on target local.')

const ui = z
  .strictObject({
    component: z.enum(['open-webui']).default('open-webui').describe('The chat page.'),
    image,
    resources,
  })
  .describe('A chat page on the generate tier. It does not run on target local.')

export const tiersSchema = z.strictObject({
  gateway: gateway.optional(),
  embed: embed.optional(),
  vector: vector.optional(),
  rerank: rerank.optional(),
  generate: generate.optional(),
  cache: cache.optional(),
  worker: worker.optional(),
  queue: queue.optional(),
  metadata: metadata.optional(),
  ui: ui.optional(),
})
