import { onAbort, sendJson } from '../http.ts'
import type { Exchange } from '../http.ts'
import type { DrawnLog } from '../drawn-log.ts'
import { answerTo } from './answer.ts'
import type { VllmConfig } from './config.ts'
import type { Engine } from './engine.ts'
import { VllmFailure } from './failure.ts'
import type { Format, Usage } from './format.ts'
import type { VllmMetrics } from './metrics.ts'
import type { ChatRequest, CompletionRequest, Prompt } from './requests.ts'
import { refuseUnsupported } from './requests.ts'
import { promptBlocks, promptTokens } from './tokenized.ts'

export interface Serving {
  readonly config: VllmConfig
  readonly engine: Engine
  readonly metrics: VllmMetrics
  readonly log: DrawnLog
}

/** Serves one request whose body was read at `arrivalMs`; throws `VllmFailure` before anything is written. */
export function generate(
  { config, engine, metrics, log }: Serving,
  { response }: Exchange,
  arrivalMs: number,
  request: ChatRequest | CompletionRequest,
  prompt: Prompt,
  format: Format,
): void {
  refuseUnsupported(request)
  const { model, alsoServes } = config
  if (
    request.model !== undefined &&
    request.model !== null &&
    ![model, ...alsoServes].includes(request.model)
  )
    throw new VllmFailure(404, `The model \`${request.model}\` does not exist.`, 'model')
  const prompted = promptTokens(prompt)
  const maxTokens = maxTokensOf(request)
  checkLength(config.maxModelLength, prompted, maxTokens)
  const answer = answerTo(prompt, {
    maxTokens: maxTokens ?? (request.ignore_eos === true ? config.maxModelLength - prompted : null),
    stop: request.ignore_eos === true ? [] : stopsOf(request),
  })
  const output = answer.tokens.slice(0, config.maxModelLength - prompted)
  const streams = request.stream === true
  const writtenMs: number[] = []
  let previousMs = 0

  const onToken = (index: number, atMs: number): void => {
    if (index > 0) metrics.token(atMs - previousMs)
    previousMs = atMs
    if (!streams) return
    if (index === 0) {
      response.writeHead(200, {
        'content-type': 'text/event-stream; charset=utf-8',
        'cache-control': 'no-cache',
      })
      if (format.opening !== null) response.write(`data: ${format.opening}\n\n`)
    }
    const last = index === output.length - 1
    const chunk = format.chunk(
      output[index]!,
      last ? answer.finishReason : null,
      last ? answer.stopReason : null,
    )
    response.write(`data: ${chunk}\n\n`)
    if (config.logTokens) writtenMs.push(engine.nowMs())
  }

  const abort = engine.generate({
    promptTokens: prompted,
    outputTokens: output.length,
    prefix: config.prefixCaching ? promptBlocks(prompt) : [],
    arrivalMs,
    onToken,
    onDone: (done) => {
      metrics.finished(done, prompted, answer.finishReason)
      const { id, startMs, firstTokenMs, atMs, cachedTokens } = done
      const counts = { promptTokens: prompted, cachedTokens, outputTokens: output.length }
      log.write({
        id,
        arrivalMs,
        startMs,
        firstTokenMs,
        departureMs: atMs,
        ...counts,
        ...(config.logTokens ? { writtenMs } : {}),
      })
      const usage: Usage = {
        promptTokens: prompted,
        completionTokens: output.length,
        cachedTokens: config.promptTokensDetails ? cachedTokens : null,
      }
      if (!streams)
        sendJson(response, 200, format.whole(answer.text, answer.finishReason, answer.stopReason, usage))
      else
        response.end(
          `${request.stream_options?.include_usage === true ? `data: ${format.usageChunk(usage)}\n\n` : ''}data: [DONE]\n\n`,
        )
    },
  })
  if (abort === null) throw new VllmFailure(429, 'the queue is full')
  onAbort(response, () => {
    abort()
    metrics.aborted()
  })
}

function maxTokensOf(request: ChatRequest | CompletionRequest): number | null {
  if ('messages' in request) return request.max_completion_tokens ?? request.max_tokens ?? null
  // The completions API has made 16 tokens by default from its beginning.
  return request.max_tokens ?? 16
}

function stopsOf({ stop }: ChatRequest | CompletionRequest): readonly string[] {
  if (stop === undefined || stop === null) return []
  return typeof stop === 'string' ? [stop] : stop
}

function checkLength(limit: number, prompted: number, maxTokens: number | null): void {
  const wanted = prompted + (maxTokens ?? 1)
  if (wanted <= limit) return
  const what =
    maxTokens === null
      ? `your messages resulted in ${prompted} tokens. Please reduce the length of the messages.`
      : `you requested ${wanted} tokens (${prompted} in the messages, ${maxTokens} in the completion). Please reduce the length of the messages or completion.`
  throw new VllmFailure(
    400,
    `This model's maximum context length is ${limit} tokens. However, ${what}`,
    'messages',
  )
}
