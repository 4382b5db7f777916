/**
 * The JSON of answers, as vLLM writes it. Built by hand where it is written once a token.
 */
export interface Usage {
  readonly promptTokens: number
  readonly completionTokens: number
  /** null: not told. */
  readonly cachedTokens: number | null
}

export interface Format {
  /** What a stream begins with, before its first token. */
  readonly opening: string | null
  chunk(text: string, finishReason: string | null, stopReason: string | null): string
  usageChunk(usage: Usage): string
  whole(text: string, finishReason: string, stopReason: string | null, usage: Usage): string
}

export function chatFormat(id: number, model: string, createdSeconds: number): Format {
  const name = idOf('chatcmpl', id)
  const head = `{"id":"${name}","object":"chat.completion.chunk","created":${createdSeconds},"model":${JSON.stringify(model)},"choices":[`
  const choice = (delta: string, finish: string) =>
    `${head}{"index":0,"delta":${delta},"logprobs":null,"finish_reason":${finish}}]}`
  return {
    opening: choice('{"role":"assistant","content":""}', 'null'),
    chunk: (text, finishReason, stopReason) =>
      finishReason === null
        ? choice(`{"content":${JSON.stringify(text)}}`, 'null')
        : choice(
            `{"content":${JSON.stringify(text)}}`,
            `"${finishReason}","stop_reason":${JSON.stringify(stopReason)}`,
          ),
    usageChunk: (usage) => `${head}],"usage":${usageJson(usage)}}`,
    whole: (text, finishReason, stopReason, usage) =>
      JSON.stringify({
        id: name,
        object: 'chat.completion',
        created: createdSeconds,
        model,
        choices: [
          {
            index: 0,
            message: { role: 'assistant', content: text, refusal: null, tool_calls: [] },
            logprobs: null,
            finish_reason: finishReason,
            stop_reason: stopReason,
          },
        ],
        usage: usageOf(usage),
      }),
  }
}

export function completionFormat(id: number, model: string, createdSeconds: number): Format {
  const name = idOf('cmpl', id)
  const head = `{"id":"${name}","object":"text_completion","created":${createdSeconds},"model":${JSON.stringify(model)},"choices":[`
  const choice = (text: string, finishReason: string | null, stopReason: string | null) =>
    `${head}{"index":0,"text":${JSON.stringify(text)},"logprobs":null,"finish_reason":${JSON.stringify(finishReason)},"stop_reason":${JSON.stringify(stopReason)}}]`
  return {
    opening: null,
    chunk: (text, finishReason, stopReason) => `${choice(text, finishReason, stopReason)}}`,
    usageChunk: (usage) => `${head}],"usage":${usageJson(usage)}}`,
    whole: (text, finishReason, stopReason, usage) =>
      `${choice(text, finishReason, stopReason)},"usage":${usageJson(usage)}}`,
  }
}

function usageJson(usage: Usage): string {
  return JSON.stringify(usageOf(usage))
}

function usageOf({ promptTokens, completionTokens, cachedTokens }: Usage): Record<string, unknown> {
  return {
    prompt_tokens: promptTokens,
    total_tokens: promptTokens + completionTokens,
    completion_tokens: completionTokens,
    prompt_tokens_details: cachedTokens === null ? null : { cached_tokens: cachedTokens },
  }
}

function idOf(prefix: string, id: number): string {
  return `${prefix}-${id.toString(16).padStart(32, '0')}`
}
