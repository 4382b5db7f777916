import * as z from 'zod'
import { releases } from '../../catalog/releases.ts'

/** What a balancer is told. Sending it another one changes policy and upstreams while it runs. */
export const balancerConfigSchema = z.strictObject({
  host: z.string().default('127.0.0.1'),
  port: z.int().min(0).max(65_535).default(0),
  policy: z.enum(['least-connections', 'round-robin', 'random']).default('least-connections'),
  upstreams: z
    .array(
      z.strictObject({
        name: z.string().describe('For example embed-2.'),
        url: z
          .url({ protocol: /^http$/ })
          .describe('Origin only: the path of a request is passed on as it came.'),
        release: z
          .enum(releases)
          .default('current')
          .describe('Which version of the tier it is, while there are two.'),
      }),
    )
    .default([]),
  share: z
    .number()
    .min(0)
    .max(100)
    .default(0)
    .describe('Of 100 requests that name no release, how many go to the next one.'),
  seed: z.number().default(1).describe('Of the policy random, and of which requests are the share.'),
  connectTimeoutMs: z.number().positive().default(2_000),
  responseTimeoutMs: z
    .number()
    .positive()
    .default(600_000)
    .describe('Until the head of the answer, and between two pieces of it; then 504, or the answer is cut.'),
})

export type BalancerConfig = z.output<typeof balancerConfigSchema>
export type BalancerPolicy = BalancerConfig['policy']
