import * as z from 'zod'
import { ExitCode, UserError, messageOf } from '../errors.ts'

const answerSchema = z.object({
  answer: z.string(),
  sources: z.array(z.object({ source: z.string().nullable(), score: z.number(), text: z.string() })),
})

export type GatewayAnswer = z.output<typeof answerSchema>

/** One question to the reference gateway, answered at once. */
export async function askGateway(url: string, query: string): Promise<GatewayAnswer> {
  let response: Response
  try {
    response = await fetch(`${url}/query`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ query, stream: false }),
      signal: AbortSignal.timeout(30_000),
    })
  } catch (error) {
    throw new UserError(`the gateway at ${url} did not answer: ${messageOf(error)}`, {
      exitCode: ExitCode.unhealthy,
      hint: 'ragscale logs gateway',
    })
  }
  const text = await response.text()
  if (response.ok) return answerSchema.parse(JSON.parse(text))
  throw new UserError(`the gateway at ${url} answered ${response.status}: ${text.slice(0, 300)}`, {
    exitCode: ExitCode.unhealthy,
    hint: 'ragscale logs gateway',
  })
}
