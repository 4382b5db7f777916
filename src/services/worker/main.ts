import { httpEmbedder } from '../../ingest/embedder.ts'
import { qdrantStore } from '../../ingest/store.ts'
import { runService } from '../process.ts'
import { workerConfigSchema } from './config.ts'
import { createWorker } from './server.ts'

runService(async (given) => {
  const config = workerConfigSchema.parse(given)
  const embedKey = secret(config.embed.apiKeyEnv)
  const vectorKey = secret(config.vector.apiKeyEnv)
  const { url, protocol, model } = config.embed
  const worker = createWorker({
    embed: httpEmbedder({
      url,
      protocol,
      ...(model === undefined ? {} : { model }),
      ...(embedKey === undefined ? {} : { headers: { authorization: `Bearer ${embedKey}` } }),
    }),
    store: qdrantStore(
      { url: config.vector.url, ...(vectorKey === undefined ? {} : { headers: { 'api-key': vectorKey } }) },
      config.collection,
    ),
    maxInFlight: config.maxInFlight,
  })
  await worker.app.listen({ host: config.host, port: config.port })
  const address = worker.app.server.address()
  if (address === null || typeof address === 'string') throw new Error('the worker listens on no port')
  return { port: address.port, close: (graceMs) => worker.close(graceMs) }
})

function secret(name: string | undefined): string | undefined {
  if (name === undefined) return undefined
  const value = process.env[name]
  if (value === undefined) throw new Error(`the environment variable ${name} is not set`)
  return value
}
