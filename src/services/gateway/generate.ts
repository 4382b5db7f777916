import { EventSourceParserStream } from 'eventsource-parser/stream'
import * as z from 'zod'
import type { Usage } from './cache.ts'
import type { GatewayConfig } from './config.ts'
import { post } from './http.ts'
import type { ChatMessage } from './prompt.ts'
import { UpstreamError } from './upstream.ts'
import type { Call } from './visit.ts'

const chunkSchema = z.object({
  choices: z
    .array(
      z.object({
        delta: z.object({ content: z.string().nullish() }).optional(),
        finish_reason: z.string().nullish(),
      }),
    )
    .default([]),
  usage: z.object({ prompt_tokens: z.number(), completion_tokens: z.number() }).nullish(),
  error: z.object({ message: z.string() }).optional(),
})

export type GenerateEvent =
  | { readonly type: 'token'; readonly text: string }
  | { readonly type: 'usage'; readonly usage: Usage }

/**
 * Streams an OpenAI-compatible chat completion. The promise resolves once the upstream has accepted the
 * request; until then it may be tried again, afterwards a failure is thrown from the iteration.
 */
export async function generate(
  config: GatewayConfig['generate'],
  messages: readonly ChatMessage[],
  maxTokens: number,
  options: Call & { idleTimeoutMs: number },
): Promise<AsyncIterable<GenerateEvent>> {
  const body = {
    model: config.model,
    messages,
    max_tokens: maxTokens,
    stream: true,
    stream_options: { include_usage: true },
  }
  const stream = await post('generate', `${config.url}/v1/chat/completions`, body, options)
  return events(stream)
}

async function* events(stream: AsyncIterable<Uint8Array>): AsyncGenerator<GenerateEvent> {
  const parsed = ReadableStream.from(stream)
    .pipeThrough(new TextDecoderStream())
    .pipeThrough(new EventSourceParserStream())
  let finished = false
  try {
    for await (const { data } of parsed) {
      if (data === '[DONE]') return
      const chunk = parseChunk(data)
      for (const { delta, finish_reason: reason } of chunk.choices) {
        if (typeof delta?.content === 'string' && delta.content !== '')
          yield { type: 'token', text: delta.content }
        if (typeof reason === 'string') finished = true
      }
      if (chunk.usage !== undefined && chunk.usage !== null) yield { type: 'usage', usage: chunk.usage }
    }
  } catch (error) {
    if (error instanceof UpstreamError) throw error
    throw new UpstreamError(
      'generate',
      `generate: the stream broke off: ${error instanceof Error ? error.message : String(error)}`,
      {
        status: 502,
        cause: error,
      },
    )
  }
  if (!finished)
    throw new UpstreamError('generate', 'generate: the stream ended before the answer did', { status: 502 })
}

function parseChunk(data: string): z.output<typeof chunkSchema> {
  let json: unknown
  try {
    json = JSON.parse(data)
  } catch {
    throw new UpstreamError('generate', 'generate: the stream holds something that is not JSON', {
      status: 502,
    })
  }
  const chunk = chunkSchema.safeParse(json)
  if (!chunk.success)
    throw new UpstreamError('generate', 'generate: the stream holds something that is not a chat chunk', {
      status: 502,
    })
  if (chunk.data.error !== undefined)
    throw new UpstreamError('generate', `generate: ${chunk.data.error.message}`, { status: 502 })
  return chunk.data
}
