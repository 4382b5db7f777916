import * as z from 'zod'
import { collectionSchema } from '../config.ts'

/** What the job is told that makes the collection. A key comes by the name of an environment variable only. */
export const collectionConfigSchema = z
  .strictObject({
    vector: z.strictObject({
      url: z.url().describe('Of any node, or of a balancer before them all.'),
      apiKeyEnv: z.string().optional(),
    }),
    nodes: z.int().positive().describe('Members that the cluster must have before anything is made.'),
    collection: collectionSchema,
    waitSeconds: z
      .number()
      .positive()
      .default(300)
      .describe(
        'For the nodes to answer and to have found each other, and then for every copy to be active.',
      ),
  })
  .superRefine(({ nodes, collection: { name, replication, writeConsistency } }, context) => {
    // Qdrant would make it without a word, with fewer copies than were asked for.
    if (replication > nodes) {
      context.addIssue({
        code: 'custom',
        path: ['collection', 'replication'],
        message: `collection ${name} wants ${replication} copies of each shard on ${nodes} nodes: set tiers.vector.nodes to ${replication} or more, or replication to ${nodes} or less`,
      })
    }
    if (writeConsistency > replication) {
      context.addIssue({
        code: 'custom',
        path: ['collection', 'writeConsistency'],
        message: `a write that waits for ${writeConsistency} of ${replication} copies would never end`,
      })
    }
  })

export type CollectionConfig = z.output<typeof collectionConfigSchema>
