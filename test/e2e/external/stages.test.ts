import { afterAll } from 'vitest'
import { loadsRetrieval, loadsStage } from '../../real/specification.ts'
import { Servers } from './servers.ts'

// The tests of `npm run test:real`, word for word, on servers that are started here and by nobody else.
const servers = new Servers()
afterAll(() => servers.stop())

const model = 'meta-llama/Llama-3.1-8B-Instruct'
const [tei, reranker, vllm, qdrant] = await Promise.all([
  servers.tei(),
  servers.tei('BAAI/bge-reranker-base'),
  servers.vllm(model),
  servers.qdrant(),
])

loadsStage('embed', 'an embeddings server of protocol tei', { url: tei, protocol: 'tei' })
loadsStage('embed', 'an embeddings server of protocol openai, named with its /v1', {
  url: `${tei}/v1/`,
  protocol: 'openai',
  model: 'BAAI/bge-small-en-v1.5',
})
loadsRetrieval('a Qdrant', { embed: { url: tei, protocol: 'tei' }, vector: { url: qdrant } })
loadsStage('rerank', 'a reranking server of protocol tei', { url: reranker })
loadsStage('generate', 'a chat server of protocol openai', { url: vllm, model })
