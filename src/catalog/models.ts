/**
 * Models that are known by name, from their published configurations (`config.json` on Hugging Face).
 * Names are compared without case. An unknown model is not an error by itself: whoever needs a number
 * that only a known model has says so.
 */

export interface EncoderModel {
  readonly name: string
  readonly layers: number
  readonly hidden: number
  /** Tokens that it reads at most. */
  readonly maxTokens: number
  /** Length of its vectors; a cross-encoder has none. */
  readonly dimensions: number | null
  /** All of them, embedding tables included: what it takes in memory. */
  readonly parameters: number
}

export interface LanguageModel {
  readonly name: string
  readonly parameters: number
  readonly layers: number
  readonly attentionHeads: number
  readonly kvHeads: number
  readonly headSize: number
}

type EncoderRow = readonly [string, number, number, number, number | null, number]

/** name, layers, hidden size, longest input, dimensions, millions of parameters */
const encoderRows: readonly EncoderRow[] = [
  ['sentence-transformers/all-MiniLM-L6-v2', 6, 384, 512, 384, 22.7],
  ['sentence-transformers/all-mpnet-base-v2', 12, 768, 512, 768, 109],
  ['BAAI/bge-small-en-v1.5', 12, 384, 512, 384, 33.4],
  ['BAAI/bge-base-en-v1.5', 12, 768, 512, 768, 109],
  ['BAAI/bge-large-en-v1.5', 24, 1024, 512, 1024, 335],
  ['BAAI/bge-m3', 24, 1024, 8192, 1024, 568],
  ['intfloat/e5-small-v2', 12, 384, 512, 384, 33.4],
  ['intfloat/e5-base-v2', 12, 768, 512, 768, 109],
  ['intfloat/e5-large-v2', 24, 1024, 512, 1024, 335],
  ['intfloat/multilingual-e5-small', 12, 384, 512, 384, 118],
  ['intfloat/multilingual-e5-base', 12, 768, 512, 768, 278],
  ['intfloat/multilingual-e5-large', 24, 1024, 512, 1024, 560],
  ['thenlper/gte-small', 12, 384, 512, 384, 33.4],
  ['thenlper/gte-base', 12, 768, 512, 768, 109],
  ['thenlper/gte-large', 24, 1024, 512, 1024, 335],
  ['mixedbread-ai/mxbai-embed-large-v1', 24, 1024, 512, 1024, 335],
  ['nomic-ai/nomic-embed-text-v1.5', 12, 768, 8192, 768, 137],
  ['Snowflake/snowflake-arctic-embed-m', 12, 768, 512, 768, 109],
  ['Snowflake/snowflake-arctic-embed-l-v2.0', 24, 1024, 8192, 1024, 568],
  ['intfloat/e5-mistral-7b-instruct', 32, 4096, 32_768, 4096, 7111],
  ['Qwen/Qwen3-Embedding-0.6B', 28, 1024, 32_768, 1024, 596],
  ['Qwen/Qwen3-Embedding-4B', 36, 2560, 32_768, 2560, 4022],
  ['Qwen/Qwen3-Embedding-8B', 36, 4096, 32_768, 4096, 7568],
  ['cross-encoder/ms-marco-MiniLM-L-6-v2', 6, 384, 512, null, 22.7],
  ['cross-encoder/ms-marco-MiniLM-L-12-v2', 12, 384, 512, null, 33.4],
  ['BAAI/bge-reranker-base', 12, 768, 512, null, 278],
  ['BAAI/bge-reranker-large', 24, 1024, 512, null, 560],
  ['BAAI/bge-reranker-v2-m3', 24, 1024, 8192, null, 568],
]

type LanguageRow = readonly [string, number, number, number, number, number]

/** name, billions of parameters, layers, attention heads, KV heads, head size */
const languageRows: readonly LanguageRow[] = [
  ['meta-llama/Llama-3.2-1B-Instruct', 1.24, 16, 32, 8, 64],
  ['meta-llama/Llama-3.2-3B-Instruct', 3.21, 28, 24, 8, 128],
  ['meta-llama/Llama-3.1-8B-Instruct', 8.03, 32, 32, 8, 128],
  ['meta-llama/Llama-3.1-70B-Instruct', 70.6, 80, 64, 8, 128],
  ['meta-llama/Llama-3.3-70B-Instruct', 70.6, 80, 64, 8, 128],
  ['mistralai/Mistral-7B-Instruct-v0.3', 7.25, 32, 32, 8, 128],
  ['Qwen/Qwen2.5-0.5B-Instruct', 0.494, 24, 14, 2, 64],
  ['Qwen/Qwen2.5-1.5B-Instruct', 1.54, 28, 12, 2, 128],
  ['Qwen/Qwen2.5-3B-Instruct', 3.09, 36, 16, 2, 128],
  ['Qwen/Qwen2.5-7B-Instruct', 7.62, 28, 28, 4, 128],
  ['Qwen/Qwen2.5-14B-Instruct', 14.8, 48, 40, 8, 128],
  ['Qwen/Qwen2.5-32B-Instruct', 32.8, 64, 40, 8, 128],
  ['Qwen/Qwen2.5-72B-Instruct', 72.7, 80, 64, 8, 128],
  ['Qwen/Qwen3-0.6B', 0.6, 28, 16, 8, 128],
  ['Qwen/Qwen3-1.7B', 1.72, 28, 16, 8, 128],
  ['Qwen/Qwen3-4B', 4.02, 36, 32, 8, 128],
  ['Qwen/Qwen3-8B', 8.19, 36, 32, 8, 128],
  ['Qwen/Qwen3-14B', 14.8, 40, 40, 8, 128],
  ['Qwen/Qwen3-32B', 32.8, 64, 64, 8, 128],
]

export const encoderModels: readonly EncoderModel[] = encoderRows.map(
  ([name, layers, hidden, maxTokens, dimensions, millions]) => ({
    name,
    layers,
    hidden,
    maxTokens,
    dimensions,
    parameters: Math.round(millions * 1e6),
  }),
)

export const languageModels: readonly LanguageModel[] = languageRows.map(
  ([name, billions, layers, attentionHeads, kvHeads, headSize]) => ({
    name,
    parameters: Math.round(billions * 1e9),
    layers,
    attentionHeads,
    kvHeads,
    headSize,
  }),
)

/** An embedding model or a cross-encoder. */
export function encoderModel(name: string): EncoderModel | undefined {
  return encoderModels.find((model) => sameName(model.name, name))
}

export function languageModel(name: string): LanguageModel | undefined {
  return languageModels.find((model) => sameName(model.name, name))
}

/** Embedding models of API providers: nothing of them is known but the length of their vectors. */
const providedDimensions = new Map([
  ['text-embedding-3-small', 1536],
  ['text-embedding-3-large', 3072],
  ['text-embedding-ada-002', 1536],
])

/** Length of a model's vectors; null for a cross-encoder, undefined where the model is not known. */
export function vectorDimensions(name: string): number | null | undefined {
  const encoder = encoderModel(name)
  return encoder === undefined ? providedDimensions.get(name) : encoder.dimensions
}

/** Bytes of KV cache that one token takes at 16 bits, over all GPUs of a replica: 2 · layers · KV heads · head size · 2. */
export function kvBytesPerToken(model: LanguageModel): number {
  return 2 * model.layers * model.kvHeads * model.headSize * 2
}

function sameName(a: string, b: string): boolean {
  return a.toLowerCase() === b.toLowerCase()
}
