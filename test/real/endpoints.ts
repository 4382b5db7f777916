/** `--embed URL --vector URL …` → what `endpoints:` of a ragscale.yaml holds. */
import { resolve } from 'node:path'
import { parseArgs } from 'node:util'
import type { EndpointName } from '../../src/stack/stack.ts'

/** As it is written in the file. */
export type Written = Readonly<Record<string, unknown>> & { readonly url: string }

export interface Endpoints extends Readonly<Partial<Record<EndpointName, Written>>> {
  /** A collection that exists and is only read; the tests write into one of their own. */
  readonly collection?: string
}

const options = {
  embed: { type: 'string' },
  'embed-protocol': { type: 'string' },
  'embed-model': { type: 'string' },
  vector: { type: 'string' },
  collection: { type: 'string' },
  rerank: { type: 'string' },
  generate: { type: 'string' },
  'generate-model': { type: 'string' },
  pipeline: { type: 'string' },
  'pipeline-body': { type: 'string' },
  'pipeline-answer': { type: 'string' },
  'ca-file': { type: 'string' },
} as const

export const usage = `npm run test:real -- [--embed URL [--embed-protocol tei|openai] [--embed-model NAME]]
  [--vector URL [--collection NAME]] [--rerank URL] [--generate URL --generate-model NAME]
  [--pipeline URL [--pipeline-body TEMPLATE --pipeline-answer PATH]] [--ca-file FILE]
Keys are taken from RAGSCALE_EMBED_KEY, RAGSCALE_VECTOR_KEY, RAGSCALE_RERANK_KEY, RAGSCALE_GENERATE_KEY and
RAGSCALE_PIPELINE_KEY. --embed-model alone means protocol openai.`

/** @throws Error with the usage, for arguments that are not understood */
export function endpointsOf(
  args: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
): Endpoints {
  const given = parsed(args)
  if (given.generate !== undefined && given['generate-model'] === undefined)
    throw new Error(`--generate needs --generate-model\n\n${usage}`)
  // Paths in a ragscale.yaml are relative to it.
  const caFile = given['ca-file'] === undefined ? undefined : resolve(given['ca-file'])
  const written = (name: EndpointName, more: Record<string, string | undefined>): Partial<Endpoints> => {
    const url = given[name]
    if (url === undefined) return {}
    const key = `RAGSCALE_${name.toUpperCase()}_KEY`
    const apiKeyEnv = env[key] === undefined || env[key] === '' ? undefined : key
    const all = Object.entries({ ...more, apiKeyEnv, caFile }).filter(([, value]) => value !== undefined)
    return { [name]: { url, ...Object.fromEntries(all) } }
  }
  const model = given['embed-model']
  const body = given['pipeline-body']
  return {
    ...written('embed', {
      protocol: given['embed-protocol'] ?? (model === undefined ? 'tei' : 'openai'),
      model,
    }),
    ...written('vector', { protocol: 'qdrant' }),
    ...written('rerank', { protocol: 'tei' }),
    ...written('generate', { protocol: 'openai', model: given['generate-model'] }),
    ...written('pipeline', {
      protocol: body === undefined ? 'ragscale' : 'http',
      body,
      answer: given['pipeline-answer'],
    }),
    ...(given.collection === undefined ? {} : { collection: given.collection }),
  }
}

function parsed(args: readonly string[]) {
  try {
    return parseArgs({ args: [...args], options, strict: true, allowPositionals: false }).values
  } catch (error) {
    throw new Error(`${error instanceof Error ? error.message : String(error)}\n\n${usage}`, { cause: error })
  }
}
