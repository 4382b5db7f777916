import * as z from 'zod'
import type { GatewayConfig } from './config.ts'
import { postJson } from './http.ts'
import { UpstreamError } from './upstream.ts'
import type { Call } from './visit.ts'

const teiAnswer = z.tuple([z.array(z.number())])
const openaiAnswer = z.object({ data: z.tuple([z.object({ embedding: z.array(z.number()) })]) })

/** Embeds one query by TEI's `/embed` or OpenAI's `/v1/embeddings`. */
export async function embed(config: GatewayConfig['embed'], query: string, call: Call): Promise<number[]> {
  if (config.protocol === 'tei') {
    const answer = teiAnswer.safeParse(
      await postJson('embed', `${config.url}/embed`, { inputs: query }, call),
    )
    if (answer.success) return answer.data[0]
  } else {
    const body = { input: query, model: config.model, encoding_format: 'float' }
    const answer = openaiAnswer.safeParse(await postJson('embed', `${config.url}/v1/embeddings`, body, call))
    if (answer.success) return answer.data.data[0].embedding
  }
  throw new UpstreamError('embed', `embed: ${config.url} answered with something that is not one vector`, {
    status: 502,
  })
}
