/**
 * The shape of `ragscale.yaml`: one schema gives the types, the defaults, the help texts and the JSON
 * Schema for editors. Rules that span keys are in `rules.ts`.
 */
import { z } from 'zod'
import { arrivalsExamples, readArrivals } from './arrivals.ts'
import { endpointsSchema } from './schema/endpoints.ts'
import { sloSchema } from './schema/slo.ts'
import { countField, imageField, moneyField, numberField, rateField, textField } from './schema/fields.ts'
import { tiersSchema } from './schema/tiers.ts'
import { balancerPolicies, targets } from './stack.ts'
import { show } from './units.ts'

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
  rehearse: z
    .boolean({ error: (issue) => `expected true or false, got ${show(issue.input)}` })
    .default(false)
    .describe(
      'Whether compose, swarm and kubernetes run ragscale’s emulators in place of embed, vector, rerank and generate, as local always does.',
    ),
  tiers: tiersSchema.prefault({}).describe('The roles in the stack, and what fills them.'),
  balancer: z
    .strictObject({
      component: z
        .enum(['nginx', 'haproxy', 'envoy', 'reference'])
        .default('nginx')
        .describe('What balances, where the target lets one choose.'),
      policy: z
        .enum(balancerPolicies)
        .default('least-connections')
        .describe('Which replica gets the next request.'),
      replicas: countField(1, 100)
        .prefault(1)
        .describe('Copies of the balancer itself, on several machines.'),
      image: imageField().optional().describe('In place of the image that the catalogue pins.'),
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
