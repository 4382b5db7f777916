/** A service that listens and is never ready. */
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { runService } from '../../../src/services/process.ts'

runService(async (config) => {
  const { port } = config as { port: number }
  const server = createServer((_request, response) => response.writeHead(503).end())
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve))
  process.stderr.write('waiting for a GPU that is not there\n')
  return {
    port: (server.address() as AddressInfo).port,
    close: async () => {
      server.closeAllConnections()
      server.close()
    },
  }
})
