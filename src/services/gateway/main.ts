import { parseConfig } from '../config.ts'
import { portOf } from '../drain.ts'
import { runService } from '../process.ts'
import { gatewayConfigSchema } from './config.ts'
import { createGateway } from './server.ts'

runService(async (given) => {
  const config = parseConfig('the gateway', gatewayConfigSchema, given)
  const gateway = await createGateway(config, process.env)
  await gateway.app.listen({ host: config.host, port: config.port })
  return {
    port: portOf(gateway.app),
    graceMs: config.drain.graceMs,
    close: (graceMs) => gateway.close(graceMs),
  }
})
