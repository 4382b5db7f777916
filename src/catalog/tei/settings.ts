/** What TEI is started with: its own defaults, said aloud so that they are seen, and what follows from them. */

/** `--max-concurrent-requests`: one more is answered 429. */
export const maxConcurrent = 512
/** `--max-batch-tokens`: as many as keep a GPU computing, few enough that a batch ends soon. */
export const maxBatchTokens = 16_384
/** `--max-client-batch-size`: inputs of one request; our worker sends no more. */
export const maxClientBatch = 32

/** Where a fetched model lies in the volume: a folder, which TEI takes in place of a name and asks no Hub about. */
export function modelFolder(model: string): string {
  return `/data/tei/${model}`
}
