import { httpEmbedder } from '../../ingest/embedder.ts'
import { qdrantStore } from '../../ingest/store.ts'
import { parseConfig } from '../config.ts'
import { portOf } from '../drain.ts'
import { runService } from '../process.ts'
import { requiredSecret } from '../secrets.ts'
import { workerConfigSchema } from './config.ts'
import { createWorker } from './server.ts'

runService(async (given) => {
  const config = parseConfig('the worker', workerConfigSchema, given)
  const embedKey = requiredSecret(config.embed.apiKeyEnv, process.env)
  const vectorKey = requiredSecret(config.vector.apiKeyEnv, process.env)
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
    drain: config.drain,
  })
  await worker.app.listen({ host: config.host, port: config.port })
  return {
    port: portOf(worker.app),
    graceMs: config.drain.graceMs,
    close: (graceMs) => worker.close(graceMs),
  }
})
