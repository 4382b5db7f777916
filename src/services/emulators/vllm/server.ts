import { setTimeout as delay } from 'node:timers/promises'
import type { RunningService } from '../../process.ts'
import { adminRoutes } from '../admin.ts'
import { openDrawnLog } from '../drawn-log.ts'
import { listen, sendJson } from '../http.ts'
import type { Exchange, Handler } from '../http.ts'
import { answerTo } from './answer.ts'
import { parseVllmConfig } from './config.ts'
import { createEngine } from './engine.ts'
import { sendFailure, VllmFailure } from './failure.ts'
import { chatFormat, completionFormat } from './format.ts'
import { generate } from './generate.ts'
import type { Serving } from './generate.ts'
import { createMetrics } from './metrics.ts'
import { chatPrompt, chatRequest, completionPrompt, completionRequest, parseRequest } from './requests.ts'
import { promptBlocks, promptTokens } from './tokenized.ts'

const version = '0.30.0'

/** An emulated vLLM: its OpenAI-compatible API over modelled time. */
export async function startVllm(given: unknown): Promise<RunningService> {
  const config = parseVllmConfig(given)
  const { model } = config
  const engine = createEngine(config)
  const log = await openDrawnLog(config.logFile)
  const metrics = createMetrics(model, () => engine.state())
  engine.overrun.expose(metrics.registry)
  const serving: Serving = { config, engine, metrics, log }
  const startedSeconds = Math.floor(engine.nowMs() / 1000)
  let requests = 0

  const chat = catching((exchange) => {
    const arrivalMs = engine.nowMs()
    const request = parseRequest(chatRequest, exchange.body)
    generate(
      serving,
      exchange,
      arrivalMs,
      request,
      chatPrompt(request),
      chatFormat(++requests, model, Math.floor(arrivalMs / 1000)),
    )
  })
  const complete = catching((exchange) => {
    const arrivalMs = engine.nowMs()
    const request = parseRequest(completionRequest, exchange.body)
    const format = completionFormat(++requests, model, Math.floor(arrivalMs / 1000))
    generate(serving, exchange, arrivalMs, request, completionPrompt(request), format)
  })
  const models = JSON.stringify({
    object: 'list',
    data: [
      {
        id: model,
        object: 'model',
        created: startedSeconds,
        owned_by: 'vllm',
        root: model,
        parent: null,
        max_model_len: config.maxModelLength,
        permission: [],
      },
    ],
  })
  const healthy: Handler = ({ response }) => void response.writeHead(200, { 'content-length': 0 }).end()

  warmUp()
  await delay(config.startupMs)
  const server = await listen(
    {
      'POST /v1/chat/completions': chat,
      'POST /v1/completions': complete,
      'GET /v1/models': ({ response }) => sendJson(response, 200, models),
      'GET /health': healthy,
      'GET /ping': healthy,
      'GET /version': ({ response }) => sendJson(response, 200, JSON.stringify({ version })),
      ...adminRoutes({ registry: metrics.registry, overrun: engine.overrun, log }),
    },
    {
      host: config.host,
      port: config.port,
      maxBodyBytes: config.maxBodyBytes,
      unknown: ({ response }, knownPath) =>
        sendFailure(
          response,
          knownPath ? new VllmFailure(405, 'Method Not Allowed') : new VllmFailure(404, 'Not Found'),
        ),
      tooLarge: (response) =>
        sendFailure(response, new VllmFailure(413, `a body may have ${config.maxBodyBytes} bytes`)),
      failed: (response, error) => {
        process.stderr.write(`${error instanceof Error ? error.stack : String(error)}\n`)
        sendFailure(response, new VllmFailure(500, 'this is a bug'))
      },
    },
  )
  engine.overrun.begin()
  return {
    port: server.port,
    sample: () => ({
      queue: engine.state().waiting,
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

function catching(handle: (exchange: Exchange) => void): Handler {
  return (exchange) => {
    try {
      handle(exchange)
    } catch (error) {
      if (!(error instanceof VllmFailure)) throw error
      sendFailure(exchange.response, error)
    }
  }
}

/** Runs what every request runs until it is compiled: a cold process would be late with its first tokens. */
function warmUp(): void {
  const context =
    'Every shard has a copy on two nodes. A node that fails is left out until it answers again. '.repeat(20)
  const body = Buffer.from(
    JSON.stringify({
      messages: [{ role: 'user', content: `${context}\nQuestion: where are copies?` }],
      max_tokens: 64,
    }),
  )
  for (let round = 0; round < 50; round++) {
    const prompt = chatPrompt(parseRequest(chatRequest, body))
    promptTokens(prompt)
    promptBlocks(prompt)
    const format = chatFormat(round, 'model', 0)
    for (const token of answerTo(prompt, { maxTokens: 64, stop: [] }).tokens) format.chunk(token, null, null)
  }
}
