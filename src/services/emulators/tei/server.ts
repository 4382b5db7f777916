import { setTimeout as delay } from 'node:timers/promises'
import type { z } from 'zod'
import type { RunningService } from '../../process.ts'
import { adminRoutes } from '../admin.ts'
import { openDrawnLog } from '../drawn-log.ts'
import { listen, onAbort, sendJson, sendText } from '../http.ts'
import type { Exchange, Handler } from '../http.ts'
import { parseTeiConfig } from './config.ts'
import type { TeiConfig } from './config.ts'
import { createEngine } from './engine.ts'
import type { Engine, Timing } from './engine.ts'
import { sendFailure, overloaded, TeiFailure } from './failure.ts'
import { createMetrics } from './metrics.ts'
import type { TeiMetrics } from './metrics.ts'
import { Model } from './model.ts'
import type { Prepared } from './model.ts'
import {
  embeddingsRequest,
  embedRequest,
  rerankRequest,
  similarityRequest,
  tokenizeRequest,
} from './requests.ts'

const version = '1.9.0'

/** An emulated text-embeddings-inference: its REST over modelled time, with real vectors. */
export async function startTei(given: unknown): Promise<RunningService> {
  const config = parseTeiConfig(given)
  const log = await openDrawnLog(config.logFile)
  let metrics: TeiMetrics | undefined
  const engine = createEngine(config, log, (size, tokens) => metrics?.batched(size, tokens))
  metrics = createMetrics(() => engine.waiting)
  engine.overrun.expose(metrics.registry)
  const model = new Model(config)
  const route = routeWith(engine, metrics)

  const embed = route('tei', embedRequest, (request) => model.embed(request))
  const rerank = route('tei', rerankRequest, (request) => model.rerank(request))
  const embeddings = route('openai', embeddingsRequest, (request) => model.embeddings(request))
  const healthy: Handler = ({ response }) => void response.writeHead(200, { 'content-length': 0 }).end()
  const info = JSON.stringify({ ...model.info(), version })

  warmUp(model, config)
  await delay(config.startupMs)
  const server = await listen(
    {
      'POST /embed': embed,
      'POST /rerank': rerank,
      'POST /similarity': route('tei', similarityRequest, (request) => model.similarity(request)),
      'POST /tokenize': tokenizeRoute(model, metrics),
      'POST /v1/embeddings': embeddings,
      'POST /embeddings': embeddings,
      'POST /': config.modelType === 'reranker' ? rerank : embed,
      'GET /info': ({ response }) => sendJson(response, 200, info),
      'GET /health': healthy,
      'GET /ping': healthy,
      'GET /': healthy,
      ...adminRoutes({ registry: metrics.registry, overrun: engine.overrun, log }),
    },
    {
      host: config.host,
      port: config.port,
      maxBodyBytes: config.maxBodyBytes,
      unknown: ({ response }, knownPath) =>
        void response.writeHead(knownPath ? 405 : 404, { 'content-length': 0 }).end(),
      tooLarge: (response) =>
        sendText(response, 413, 'Failed to buffer the request body: length limit exceeded'),
      failed: (response, error) => {
        process.stderr.write(`${error instanceof Error ? error.stack : String(error)}\n`)
        sendFailure(response, new TeiFailure('Backend', 'Inference failed', 'validation'), 'tei')
      },
    },
  )
  engine.overrun.begin()
  return {
    port: server.port,
    sample: () => ({
      queue: engine.waiting,
      overrunMs: engine.overrun.takeWorstMs(),
      emulated: engine.overrun.takeAnswers(),
    }),
    close: async (graceMs) => {
      await server.close(graceMs)
      engine.close()
      await log.close()
    },
  }
}

/**
 * Runs what every request runs until it is compiled: a cold process would take longer for its first requests
 * than the time that it models.
 */
function warmUp(model: Model, { modelType, maxClientBatch }: TeiConfig): void {
  const texts = Array.from(
    { length: Math.min(8, maxClientBatch) },
    (_, index) => `Which of the ${index} nodes holds the shard that answers first?`,
  )
  for (let round = 0; round < 100; round++) {
    const text = texts[round % texts.length]!
    if (modelType === 'reranker') model.rerank(rerankRequest.parse({ query: text, texts })).answer()
    else {
      model.embed(embedRequest.parse(JSON.parse(JSON.stringify({ inputs: text })))).answer()
      model.embeddings(embeddingsRequest.parse({ input: texts, encoding_format: 'base64' })).answer()
    }
  }
}

/** Makes handlers that read a request, let the engine serve it in modelled time, and answer. */
function routeWith(engine: Engine, metrics: TeiMetrics) {
  return <Schema extends z.ZodType>(
    shape: 'tei' | 'openai',
    schema: Schema,
    prepare: (request: z.output<Schema>) => Prepared,
  ): Handler =>
    ({ request, response, body }) => {
      const arrivalMs = engine.nowMs()
      const parsed = parseBody(schema, request.headers['content-type'], body)
      if ('status' in parsed) {
        sendText(response, parsed.status, parsed.text)
        return
      }
      try {
        const prepared = prepare(parsed.value)
        const { method, tokens } = prepared
        metrics.counted(method)
        let answer: string | undefined
        const cancel = engine.infer({
          tokens,
          arrivalMs,
          patient: prepared.patient,
          onDone: (timing) => {
            const totalMs = engine.nowMs() - arrivalMs
            metrics.succeeded(method, totalMs, timing)
            sendJson(response, 200, answer ?? prepared.answer(), timingHeaders(prepared, totalMs, timing))
          },
        })
        if (cancel === null) throw overloaded()
        onAbort(response, cancel)
        // While the modelled accelerator works, so that the answer is ready when its time comes.
        answer = prepared.answer()
      } catch (error) {
        if (!(error instanceof TeiFailure)) throw error
        metrics.failed(error.counted)
        sendFailure(response, error, shape)
      }
    }
}

function tokenizeRoute(model: Model, metrics: TeiMetrics): Handler {
  return ({ request, response, body }: Exchange) => {
    const parsed = parseBody(tokenizeRequest, request.headers['content-type'], body)
    if ('status' in parsed) {
      sendText(response, parsed.status, parsed.text)
      return
    }
    try {
      sendJson(response, 200, model.tokenize(parsed.value))
    } catch (error) {
      if (!(error instanceof TeiFailure)) throw error
      metrics.failed(error.counted)
      sendFailure(response, error, 'tei')
    }
  }
}

type Parsed<Value> = { readonly value: Value } | { readonly status: number; readonly text: string }

/** Reads a JSON body as TEI's framework does: what it refuses is told in plain text. */
function parseBody<Schema extends z.ZodType>(
  schema: Schema,
  contentType: string | undefined,
  body: Buffer,
): Parsed<z.output<Schema>> {
  if (contentType === undefined || !/^application\/(.*\+)?json\b/i.test(contentType))
    return { status: 415, text: 'Expected request with `Content-Type: application/json`' }
  let json: unknown
  try {
    json = JSON.parse(body.toString('utf8'))
  } catch (error) {
    return {
      status: 400,
      text: `Failed to parse the request body as JSON: ${error instanceof Error ? error.message : String(error)}`,
    }
  }
  const result = schema.safeParse(json)
  if (result.success) return { value: result.data }
  const issue = result.error.issues[0]
  const at = issue === undefined || issue.path.length === 0 ? '' : `${issue.path.join('.')}: `
  return {
    status: 422,
    text: `Failed to deserialize the JSON body into the target type: ${at}${issue?.message ?? 'invalid'}`,
  }
}

function timingHeaders(
  { tokens, characters }: Prepared,
  totalMs: number,
  { queueMs, inferenceMs }: Timing,
): Record<string, string> {
  const total = tokens.reduce((sum, count) => sum + count, 0)
  return {
    'x-compute-type': 'cpu',
    'x-compute-characters': String(characters),
    'x-compute-tokens': String(total),
    'x-total-time': String(Math.round(totalMs)),
    'x-tokenization-time': '0',
    'x-queue-time': String(Math.round(queueMs)),
    'x-inference-time': String(Math.round(inferenceMs)),
  }
}
