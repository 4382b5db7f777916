/**
 * The shape of `ragscale.yaml`: one schema gives the types, the defaults, the help texts and the JSON
 * Schema for editors. Rules that span keys are in `rules.ts`.
 */
import { z } from 'zod'
import { arrivalsExamples, readArrivals } from './arrivals.ts'
import { emulateSchemas } from './schema/emulate.ts'
import { endpointsSchema } from './schema/endpoints.ts'
import { sloSchema } from './schema/slo.ts'
import { countField, durationField, moneyField, numberField, rateField, textField } from './schema/fields.ts'
import { balancerPolicies, targets } from './stack.ts'
import { show } from './units.ts'

const replicas = () => countField(1, 1000).prefault(1).describe('Copies of this tier, behind a balancer.')
const gpu = () => textField('the name of a GPU').optional()

const gateway = z
  .strictObject({
    component: z.enum(['reference']).default('reference').describe('ragscale’s own RAG service.'),
    replicas: replicas(),
  })
  .describe('Answers queries: embed, retrieve, rerank where there is one, generate.')

const embed = z
  .strictObject({
    component: z.enum(['tei']).default('tei').describe('Text Embeddings Inference.'),
    model: textField('a model’s name').describe('The embedding model, by its Hugging Face name.'),
    replicas: replicas(),
    gpu: gpu().describe('The GPU of each replica, or cpu. Default: cpu.'),
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
    emulate: emulateSchemas.vector.optional(),
  })
  .describe('Vectors → the nearest points.')

const rerank = z
  .strictObject({
    component: z.enum(['tei']).default('tei').describe('Text Embeddings Inference.'),
    model: textField('a model’s name').describe('The cross-encoder, by its Hugging Face name.'),
    replicas: replicas(),
    gpu: gpu().describe('The GPU of each replica, or cpu. Default: cpu.'),
    emulate: emulateSchemas.rerank.optional(),
  })
  .describe('What was retrieved → in order of relevance.')

const generate = z
  .strictObject({
    component: z.enum(['vllm']).default('vllm').describe('The inference server.'),
    model: textField('a model’s name').describe('The language model, by its Hugging Face name.'),
    replicas: replicas(),
    gpu: gpu().describe('The GPU of each replica.'),
    tensorParallel: countField(1, 64).prefault(1).describe('GPUs that one replica is spread over.'),
    maxModelLength: countField(1, 10_000_000)
      .prefault(8192)
      .describe('Tokens that a prompt and its answer may have together.'),
    maxSequences: countField(1, 4096)
      .prefault(256)
      .describe('Sequences that one replica decodes together; more wait.'),
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
  })
  .describe('What the gateway remembers.')

const worker = z
  .strictObject({
    component: z.enum(['reference']).default('reference').describe('ragscale’s own ingest worker.'),
    replicas: replicas(),
  })
  .describe('Documents → chunks → vectors → points.')

const tiers = z.strictObject({
  gateway: gateway.optional(),
  embed: embed.optional(),
  vector: vector.optional(),
  rerank: rerank.optional(),
  generate: generate.optional(),
  cache: cache.optional(),
  worker: worker.optional(),
})

const workload = z.strictObject({
  rate: rateField().prefault('10/s').describe('Queries to expect.'),
  arrivals: z
    .string({ error: (issue) => `expected ${arrivalsExamples}, got ${show(issue.input)}` })
    .refine((text) => readArrivals(text) !== null, {
      error: (issue) => `expected ${arrivalsExamples}, got ${show(issue.input)}`,
    })
    .default('poisson')
    .describe('How requests are spaced: poisson, constant, gamma:<burstiness>, trace:<file>.'),
  queries: textField('a path').optional().describe('A file of queries: a line of text each, or JSON lines.'),
  skew: z
    .strictObject({
      zipf: numberField(0, 10)
        .optional()
        .describe('Exponent: the n-th most popular query is asked n^-zipf as often.'),
    })
    .prefault({})
    .describe('How unequally often queries are asked. Default: equally often.'),
  topK: countField(1, 10_000).prefault(5).describe('Points to retrieve for a query.'),
  inputTokens: countField(1, 10_000_000)
    .prefault(512)
    .describe('Tokens of a prompt to generate, where the queries file does not say.'),
  outputTokens: countField(1, 1_000_000)
    .prefault(128)
    .describe('Tokens of an answer, where the queries file does not say.'),
  seed: countField(0, 4_294_967_295).prefault(1).describe('What every random draw follows from.'),
})

const limits = z.strictObject({
  replicas: countField(1, 100_000).optional().describe('Replicas, or nodes, of any one tier.'),
  gpus: countField(0, 100_000).optional().describe('GPUs of the whole stack.'),
  budget: moneyField().optional().describe('What the stack may cost.'),
  load: z
    .strictObject({
      rate: rateField().optional().describe('The highest rate a load test may send.'),
      requests: countField(1, 1_000_000_000_000).optional().describe('Requests that one load test may send.'),
      spend: numberField(0, 1_000_000_000).optional().describe('USD that one load test may cost.'),
    })
    .prefault({})
    .describe('What a load test may do.'),
})

export const stackSchema = z.strictObject({
  name: textField('a name', {
    like: /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/,
    says: (got) => `expected at most 63 lower-case letters, digits and -, got ${got}`,
  })
    .default('rag')
    .describe('The stack’s name.'),
  target: z.enum(targets).default('local').describe('Where the stack runs.'),
  tiers: tiers.prefault({}).describe('The roles in the stack, and what fills them.'),
  balancer: z
    .strictObject({
      component: z
        .enum(['nginx', 'reference'])
        .default('nginx')
        .describe('What balances, where the target lets one choose.'),
      policy: z
        .enum(balancerPolicies)
        .default('least-connections')
        .describe('Which replica gets the next request.'),
    })
    .prefault({})
    .describe('What spreads requests over replicas.'),
  workload: workload.prefault({}).describe('What the stack is asked.'),
  slo: sloSchema.prefault({}).describe('What must hold, by stage.'),
  limits: limits.prefault({}).describe('What recommendations and load tests keep within.'),
  endpoints: endpointsSchema.prefault({}).describe('Target external: what is called in place of tiers.'),
})

/** A file of the right shape: units parsed, defaults filled in, nothing checked across keys. */
export type StackShape = z.output<typeof stackSchema>
