/** A folder with a ragscale.yaml of `target: external`, questions, and a few documents. */
import { mkdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { workplace } from '../e2e/ragscale.ts'
import type { Workplace } from '../e2e/ragscale.ts'
import type { Written } from './endpoints.ts'

export const questions = [
  'How many replicas are enough?',
  'What is a shard?',
  'Why is the first token late?',
  'What does a node cost each month?',
]

export const documents: Readonly<Record<string, string>> = {
  'replicas.md':
    '# Replicas\n\nA replica is a copy of a stateless tier. Enough of them hold the load within the limits.\n',
  'shards.md':
    '# Shards\n\nA shard is a part of a collection. A search asks each of them, so the slowest counts.\n',
  'tokens.txt':
    'The first token waits for the whole prompt to be read, which is why long prompts are late.\n',
}

export async function externalPlace(
  endpoints: Readonly<Record<string, Written | undefined>>,
  { env = {}, more = {} }: { env?: Record<string, string>; more?: Record<string, unknown> } = {},
): Promise<Workplace> {
  const place = await workplace(env)
  // JSON is YAML too.
  const stack = {
    name: 'external',
    target: 'external',
    endpoints,
    workload: { rate: '3/s', queries: 'questions.txt', topK: 2, inputTokens: 50, outputTokens: 8, seed: 1 },
    ...more,
  }
  await writeFile(join(place.folder, 'ragscale.yaml'), `${JSON.stringify(stack, null, 2)}\n`)
  await writeFile(join(place.folder, 'questions.txt'), `${questions.join('\n')}\n`)
  await mkdir(join(place.folder, 'documents'))
  for (const [name, text] of Object.entries(documents))
    await writeFile(join(place.folder, 'documents', name), text)
  // There is nothing to take down, and nobody's servers are called to find that out.
  return { ...place, leave: () => rm(place.folder, { recursive: true, force: true }) }
}
