import { httpEmbedder } from '../../ingest/embedder.ts'
import { qdrantStore } from '../../ingest/store.ts'
import { parseConfig } from '../config.ts'
import { portOf } from '../drain.ts'
import { runService } from '../process.ts'
import { requiredSecret } from '../secrets.ts'
import { openTracing } from '../tracing.ts'
import { workerConfigSchema } from './config.ts'
import { openQueue } from './open-queue.ts'
import { createWorker } from './server.ts'

runService(async (given) => {
  const config = parseConfig('the worker', workerConfigSchema, given)
  const embedKey = requiredSecret(config.embed.apiKeyEnv, process.env)
  const vectorKey = requiredSecret(config.vector.apiKeyEnv, process.env)
  const { url, protocol, model } = config.embed
  const say = (line: string): void => void process.stderr.write(`${line}\n`)
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
    tracing: await openTracing('ragscale-worker', process.env),
    queue:
      config.queue === null
        ? null
        : {
            documents: await openQueue(config.queue, config.replica, process.env, say),
            config: config.queue,
            say,
          },
  })
  await worker.app.listen({ host: config.host, port: config.port })
  return {
    port: portOf(worker.app),
    graceMs: config.drain.graceMs,
    close: (graceMs) => worker.close(graceMs),
  }
})
