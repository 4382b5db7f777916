import { Buffer } from 'node:buffer'
import type { z } from 'zod'
import { dot, Embedder, hashText, normalizeInPlace } from '../text/embedding.ts'
import { rerankScore, sigmoid } from '../text/relevance.ts'
import { countTokens, pieces, truncate } from '../text/tokens.ts'
import { vectorJson, vectorsJson } from '../text/vector-json.ts'
import type { TeiConfig } from './config.ts'
import { emptyBatch, TeiFailure } from './failure.ts'
import type { Method } from './metrics.ts'
import { textsOf } from './requests.ts'
import type {
  embeddingsRequest,
  embedRequest,
  rerankRequest,
  similarityRequest,
  tokenizeRequest,
  Truncation,
} from './requests.ts'

/** A request that was read and found good: what it costs, and how its answer is worked out. */
export interface Prepared {
  readonly method: Method
  /** Of each input, special tokens included. */
  readonly tokens: readonly number[]
  readonly characters: number
  readonly patient: boolean
  /** JSON. */
  readonly answer: () => string
}

/** The tokens that frame one text, and those that frame a pair. */
const framing = { text: 2, pair: 3 } as const
const vocabulary = 30_522

/** What a model in TEI computes, without its timing. Its methods throw `TeiFailure`. */
export class Model {
  readonly #config: TeiConfig
  readonly #embedder: Embedder

  constructor(config: TeiConfig) {
    this.#config = config
    this.#embedder = new Embedder(config.model, config.dimensions)
  }

  info(): Record<string, unknown> {
    const { model, modelType, maxInputTokens, maxClientBatch, emulation } = this.#config
    const labels = { id2label: { '0': 'LABEL_0' }, label2id: { LABEL_0: 0 } }
    return {
      model_id: model,
      model_sha: null,
      model_dtype: 'float16',
      served_model_name: model,
      model_type: modelType === 'reranker' ? { reranker: labels } : { embedding: { pooling: 'cls' } },
      max_concurrent_requests: emulation.model === 'batching' ? emulation.maxConcurrent : 512,
      max_input_length: maxInputTokens,
      max_batch_tokens: emulation.model === 'batching' ? emulation.maxBatchTokens : 16_384,
      max_batch_requests: null,
      max_client_batch_size: maxClientBatch,
      auto_truncate: true,
      tokenization_workers: 1,
      docker_label: null,
    }
  }

  embed(request: z.output<typeof embedRequest>): Prepared {
    const { texts, method } = textsOf(request.inputs)
    const size = this.#size(request.dimensions)
    const read = this.#read(texts, request)
    return {
      ...read,
      method,
      patient: method === 'batch',
      answer: () => vectorsJson(read.texts.map((text) => this.#vector(text, size, request.normalize))),
    }
  }

  embeddings(request: z.output<typeof embeddingsRequest>): Prepared {
    const { texts, method } = textsOf(request.input)
    const size = this.#size(request.dimensions)
    const read = this.#read(texts, { truncation_direction: 'Right' })
    const used = read.tokens.reduce((sum, count) => sum + count, 0)
    const model = JSON.stringify(this.#config.model)
    const encode = request.encoding_format === 'float' ? vectorJson : vectorBase64
    return {
      ...read,
      method,
      patient: method === 'batch',
      answer: () => {
        const data = read.texts.map(
          (text, index) =>
            `{"object":"embedding","embedding":${encode(this.#vector(text, size, true))},"index":${index}}`,
        )
        return `{"object":"list","data":[${data.join(',')}],"model":${model},"usage":{"prompt_tokens":${used},"total_tokens":${used}}}`
      },
    }
  }

  rerank(request: z.output<typeof rerankRequest>): Prepared {
    if (request.texts.length === 0)
      throw new TeiFailure('Validation', '`texts` cannot be empty', 'validation')
    if (this.#config.modelType !== 'reranker')
      throw new TeiFailure('Backend', 'model is not a re-ranker model', 'model_type')
    this.#checkBatch(request.texts.length)
    const query = countTokens(request.query)
    const limit = this.#config.maxInputTokens - framing.pair - query
    const cut = request.texts.map((text) => this.#cut(text, Math.max(0, limit), request))
    const characters = cut.reduce((sum, { text }) => sum + text.length, request.query.length * cut.length)
    return {
      method: 'batch',
      patient: true,
      tokens: cut.map(({ tokens }) => Math.min(this.#config.maxInputTokens, tokens + query + framing.pair)),
      characters,
      answer: () => {
        const ranks = rerankScore(
          request.query,
          cut.map(({ text }) => text),
          this.#embedder,
        ).map((raw, index) => ({
          index,
          ...(request.return_text ? { text: request.texts[index] } : {}),
          score: round(request.raw_scores ? raw : sigmoid(raw)),
        }))
        return JSON.stringify(ranks.sort((a, b) => b.score - a.score))
      },
    }
  }

  similarity({ inputs, parameters }: z.output<typeof similarityRequest>): Prepared {
    if (inputs.sentences.length === 0)
      throw new TeiFailure('Empty', '`inputs.sentences` cannot be empty', 'empty')
    const read = this.#read(
      [inputs.source_sentence, ...inputs.sentences],
      parameters ?? { truncation_direction: 'Right' },
    )
    return {
      ...read,
      method: 'batch',
      patient: true,
      answer: () => {
        const [source, ...others] = read.texts.map((text) => this.#embedder.embed(text))
        return JSON.stringify(others.map((other) => round(dot(source!, other))))
      },
    }
  }

  tokenize({ inputs, add_special_tokens: framed }: z.output<typeof tokenizeRequest>): string {
    const texts = typeof inputs === 'string' ? [inputs] : inputs
    if (texts.length === 0) throw emptyBatch()
    this.#checkBatch(texts.length)
    const special = (id: number, text: string) =>
      framed ? [{ id, text, special: true, start: null, stop: null }] : []
    const tokenized = texts.map((text) => [
      ...special(101, '[CLS]'),
      ...pieces(text).map(({ start, end }) => {
        const piece = text.slice(start, end)
        return {
          id: 1000 + ((hashText(0x811c9dc5, piece) >>> 0) % (vocabulary - 1000)),
          text: piece,
          special: false,
          start,
          stop: end,
        }
      }),
      ...special(102, '[SEP]'),
    ])
    return JSON.stringify(tokenized)
  }

  #read(
    texts: readonly string[],
    how: Truncation,
  ): { texts: string[]; tokens: number[]; characters: number } {
    if (this.#config.modelType !== 'embedding')
      throw new TeiFailure('Backend', 'model is not an embedding model', 'model_type')
    if (texts.length === 0) throw emptyBatch()
    this.#checkBatch(texts.length)
    if (texts.includes('')) throw new TeiFailure('Empty', '`inputs` cannot be empty', 'empty')
    const cut = texts.map((text) => this.#cut(text, this.#config.maxInputTokens - framing.text, how))
    return {
      texts: cut.map(({ text }) => text),
      tokens: cut.map(({ tokens }) => tokens + framing.text),
      characters: texts.reduce((sum, text) => sum + text.length, 0),
    }
  }

  #cut(
    text: string,
    limit: number,
    { truncate: allowed, truncation_direction: side }: Truncation,
  ): { text: string; tokens: number } {
    if (allowed !== false) return truncate(text, limit, side.toLowerCase() === 'left' ? 'left' : 'right')
    const tokens = countTokens(text)
    if (tokens <= limit) return { text, tokens }
    const { maxInputTokens } = this.#config
    const given = tokens + maxInputTokens - limit
    throw new TeiFailure(
      'Validation',
      `\`inputs\` must have less than ${maxInputTokens} tokens. Given: ${given}`,
      'validation',
    )
  }

  #checkBatch(size: number): void {
    const { maxClientBatch } = this.#config
    if (size <= maxClientBatch) return
    throw new TeiFailure(
      'Validation',
      `batch size ${size} > maximum allowed batch size ${maxClientBatch}`,
      'batch_size',
    )
  }

  #size(asked: number | null | undefined): number {
    const { dimensions } = this.#config
    if (asked === undefined || asked === null) return dimensions
    if (asked >= 1 && asked <= dimensions) return asked
    throw new TeiFailure(
      'Validation',
      `\`dimensions\` should be positive and less than or equal to ${dimensions}`,
      'validation',
    )
  }

  #vector(text: string, size: number, normalize: boolean): Float32Array {
    if (size === this.#config.dimensions) return this.#embedder.embed(text, normalize)
    const part = this.#embedder.embed(text, false).slice(0, size)
    if (normalize) normalizeInPlace(part)
    return part
  }
}

function vectorBase64(vector: Float32Array): string {
  return `"${Buffer.from(vector.buffer, vector.byteOffset, vector.byteLength).toString('base64')}"`
}

function round(score: number): number {
  return Math.round(score * 1e7) / 1e7
}
