import { runService } from '../process.ts'
import { gatewayConfigSchema } from './config.ts'
import { createGateway } from './server.ts'

runService(async (given) => {
  const config = gatewayConfigSchema.parse(given)
  const gateway = await createGateway(config, process.env)
  await gateway.app.listen({ host: config.host, port: config.port })
  const address = gateway.app.server.address()
  if (address === null || typeof address === 'string') throw new Error('the gateway listens on no port')
  return { port: address.port, close: (graceMs) => gateway.close(graceMs) }
})
