import { describe, test } from 'vitest'
import { endpointsOf, usage } from './endpoints.ts'
import { loadsCollection, loadsRetrieval, loadsStage } from './specification.ts'

const args = JSON.parse(process.env['RAGSCALE_REAL'] ?? '[]') as string[]
const given = endpointsOf(args, process.env)
const { embed, vector, rerank, generate, pipeline, collection } = given

/** A test that is not run says so where it is read: among the results, and in plain sight. */
function skipped(what: string, why: string): void {
  process.stderr.write(`SKIPPED: ${what}: ${why}\n`)
  describe(what, () => {
    test.skip(why, () => {})
  })
}

if (Object.keys(given).length === 0)
  process.stderr.write(`no server was named, so none is tested:\n${usage}\n`)

if (embed === undefined) skipped('a real embeddings server', 'no --embed URL')
else loadsStage('embed', `the embeddings server at ${embed.url}`, embed)

if (rerank === undefined) skipped('a real reranking server', 'no --rerank URL')
else loadsStage('rerank', `the reranking server at ${rerank.url}`, rerank)

if (generate === undefined) skipped('a real chat server', 'no --generate URL')
else loadsStage('generate', `the chat server at ${generate.url}`, generate)

if (pipeline === undefined) skipped('a real RAG service', 'no --pipeline URL')
else loadsStage('pipeline', `the RAG service at ${pipeline.url}`, pipeline)

if (vector === undefined || embed === undefined) {
  skipped(
    'ingesting into a real Qdrant, and searching it',
    vector === undefined ? 'no --vector URL' : 'no --embed URL, so nothing can be embedded',
  )
} else loadsRetrieval(`the Qdrant at ${vector.url}`, { embed, vector })

if (vector === undefined || collection === undefined) {
  skipped(
    'a collection of a real Qdrant',
    vector === undefined ? 'no --vector URL' : 'no --collection NAME: none is read that was not named',
  )
} else loadsCollection(`the collection ${collection} at ${vector.url}`, vector, collection)
