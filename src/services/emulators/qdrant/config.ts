import { z } from 'zod'
import { parseConfig, wholeNumber } from '../../config.ts'
import { replicaSchema } from '../config.ts'

const schema = replicaSchema
  .extend({
    component: z.string().default('qdrant'),
    /** Which node of its stack this is, from 1; for messages only. */
    node: wholeNumber(1).default(1),
    /** Whether it is a member of a cluster, if only of one; without, it answers as a single node does. */
    cluster: z.boolean().default(true),
    /** Where other nodes speak to it; null: on the same port as clients. 0: any that is free. */
    peerPort: wholeNumber(0, 65_535).nullable().default(null),
    /** How other nodes reach it; default: by `host` and the port that it listens on for them. */
    uri: z.url().nullable().default(null),
    /** Where a node of the cluster to join is reached by nodes; null, or its own: it founds the cluster. */
    bootstrap: z.url().nullable().default(null),
    /** What nodes of one cluster prove themselves by; null: whoever reaches the port is believed, as with Qdrant. */
    clusterToken: z.string().min(1).nullable().default(null),
    /** Everything that outlives the process. */
    dataFolder: z.string().min(1),
    /** Names of environment variables that hold keys: for everything, and for reading only. */
    apiKeyEnv: z.string().min(1).optional(),
    readOnlyApiKeyEnv: z.string().min(1).optional(),
    /** Points that a shard may hold; default: what can be searched within the modelled time. */
    pointsLimit: z.int().positive().nullable().default(null),
  })
  .refine(({ emulation }) => emulation.model === 'search' || emulation.model === 'fifo', {
    path: ['emulation', 'model'],
    message: 'a vector node is emulated by the model search or fifo',
  })

/** What a caller writes. */
export type QdrantConfigInput = z.input<typeof schema>
export type QdrantConfig = z.output<typeof schema>

/** Throws with every fault in words. */
export function parseQdrantConfig(config: unknown): QdrantConfig {
  return parseConfig('qdrant', schema, config)
}
