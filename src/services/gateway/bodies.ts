/** What each route is asked. */
import * as z from 'zod'
import { promptOf } from './prompt.ts'
import type { ChatMessage } from './prompt.ts'

const question = z.string().trim().min(1).max(32_000)
const topK = z.int().min(1).max(100).optional()
const maxTokens = z.int().min(1).max(32_000).optional()
const stream = z.boolean().optional()

export const queryBody = z.object({ query: question, topK, maxTokens, stream })

export const retrieveBody = z.object({ query: question, topK })

/** A prompt as it is, or a question with its passages: what `/retrieve` answered can be passed on as it came. */
export const generateBody = z
  .object({
    prompt: z.string().trim().min(1).max(500_000).optional(),
    query: question.optional(),
    sources: z
      .array(z.object({ text: z.string().max(100_000) }))
      .max(100)
      .optional(),
    maxTokens,
    stream,
  })
  .refine(({ prompt, query }) => (prompt === undefined) !== (query === undefined), {
    error: 'either "prompt", or "query" with its "sources"',
  })
  .refine(({ prompt, sources }) => prompt === undefined || sources === undefined, {
    path: ['sources'],
    error: 'a prompt is sent as it is: put the passages into it, or send "query" in its place',
  })

export function messagesOf({ prompt, query, sources }: z.output<typeof generateBody>): ChatMessage[] {
  if (prompt !== undefined) return [{ role: 'user', content: prompt }]
  return promptOf(query ?? '', sources ?? [])
}
