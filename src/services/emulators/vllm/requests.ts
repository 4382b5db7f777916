import { z } from 'zod'
import { VllmFailure } from './failure.ts'

const shared = {
  model: z.string().nullish(),
  max_tokens: z.int().positive().nullish(),
  stream: z.boolean().nullish(),
  stream_options: z.object({ include_usage: z.boolean().nullish() }).nullish(),
  stop: z.union([z.string(), z.array(z.string())]).nullish(),
  ignore_eos: z.boolean().nullish(),
  n: z.int().nullish(),
  logprobs: z.union([z.boolean(), z.int()]).nullish(),
  echo: z.boolean().nullish(),
  best_of: z.int().nullish(),
  tools: z.array(z.unknown()).nullish(),
  response_format: z.object({ type: z.string() }).nullish(),
}

const part = z.union([
  z.object({ type: z.literal('text'), text: z.string() }),
  z.object({ type: z.string() }).transform(({ type }) => ({ type: 'other' as const, was: type })),
])

export const chatRequest = z.object({
  ...shared,
  messages: z
    .array(z.object({ role: z.string(), content: z.union([z.string(), z.array(part)]).nullish() }))
    .min(1),
  max_completion_tokens: z.int().positive().nullish(),
})

export const completionRequest = z.object({
  ...shared,
  prompt: z.union([z.string(), z.array(z.string()).min(1), z.array(z.int().nonnegative()).min(1)]),
})

export type ChatRequest = z.output<typeof chatRequest>
export type CompletionRequest = z.output<typeof completionRequest>

/** Reads a body; throws `VllmFailure` 400 with what is wrong and where. */
export function parseRequest<Schema extends z.ZodType>(schema: Schema, body: Buffer): z.output<Schema> {
  let json: unknown
  try {
    json = JSON.parse(body.toString('utf8'))
  } catch (error) {
    throw new VllmFailure(
      400,
      `the body is not JSON: ${error instanceof Error ? error.message : String(error)}`,
    )
  }
  const result = schema.safeParse(json)
  if (result.success) return result.data
  const [issue] = result.error.issues
  const path = issue?.path.join('.') ?? ''
  throw new VllmFailure(
    400,
    `${path === '' ? 'body' : path}: ${issue?.message ?? 'invalid'}`,
    path === '' ? null : path,
  )
}

/** Throws `VllmFailure` 400 on what a real server does and the emulator does not: an answer without it would be false. */
export function refuseUnsupported(request: ChatRequest | CompletionRequest): void {
  const refuse = (param: string, why: string): never => {
    throw new VllmFailure(400, why, param)
  }
  if ((request.n ?? 1) !== 1) refuse('n', 'the emulator generates one choice a request: n must be 1')
  if ((request.best_of ?? 1) !== 1)
    refuse('best_of', 'the emulator generates one choice a request: best_of must be 1')
  if (request.logprobs !== undefined && request.logprobs !== null && request.logprobs !== false)
    refuse('logprobs', 'the emulator has no probabilities to tell')
  if (request.echo === true) refuse('echo', 'the emulator does not echo prompts')
  if ((request.tools ?? []).length > 0) refuse('tools', 'the emulator calls no tools')
  const format = request.response_format?.type ?? 'text'
  if (format !== 'text') refuse('response_format', `the emulator answers in plain text, not in ${format}`)
  if (request.stream_options !== undefined && request.stream_options !== null && request.stream !== true)
    refuse('stream_options', 'Stream options can only be defined when `stream=True`.')
}

/** A prompt as the model reads it, part by part. */
export interface Prompt {
  readonly parts: readonly { readonly role: string; readonly text: string }[]
  /** What the template adds around each part, and at the end. */
  readonly overhead: { readonly part: number; readonly end: number }
}

export function chatPrompt({ messages }: ChatRequest): Prompt {
  const parts = messages.map(({ role, content }) => ({ role, text: textOf(content ?? '') }))
  return { parts, overhead: { part: 4, end: 4 } }
}

export function completionPrompt({ prompt }: CompletionRequest): Prompt {
  const overhead = { part: 0, end: 1 }
  if (typeof prompt === 'string') return { parts: [{ role: 'user', text: prompt }], overhead }
  if (typeof prompt[0] === 'number') return { parts: [{ role: 'user', text: prompt.join(' ') }], overhead }
  if (prompt.length > 1) throw new VllmFailure(400, 'the emulator takes one prompt a request', 'prompt')
  return { parts: [{ role: 'user', text: String(prompt[0]) }], overhead }
}

function textOf(content: NonNullable<ChatRequest['messages'][number]['content']>): string {
  if (typeof content === 'string') return content
  return content
    .map((piece) => {
      if (piece.type === 'text') return (piece as { text: string }).text
      throw new VllmFailure(
        400,
        `the emulated model reads text, not ${(piece as { was: string }).was}`,
        'messages',
      )
    })
    .join('\n')
}
