import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { expect, test } from 'vitest'
import { nothingSampled } from '../../../../src/recording/resources.ts'
import type { ProcessStatus } from '../../../../src/supervision.ts'
import { LocalSignals } from '../../../../src/targets/local/signals.ts'
import { allTiers, stackOf } from '../stacks.ts'

test('the newest sample of each replica has what the replica says of itself, and the queue stays the supervisor’s', async () => {
  const server = createServer((_, response) =>
    response.end('vllm:num_requests_running 3\nvllm:num_requests_waiting 9\n'),
  )
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  const wanted = { id: 'generate-1', tier: 'generate', replica: 1, component: 'vllm' }
  const process = {
    wanted,
    state: 'healthy',
    pid: 4,
    ports: { 'generate-1': port },
  } as unknown as ProcessStatus
  const sample = { ...nothingSampled, tier: 'generate', replica: '1', queue: 2 }
  const samples = [
    { ...sample, at: 1 },
    { ...sample, at: 2 },
    { ...sample, at: 2, tier: 'balancer', replica: 'generate' },
  ]
  const joined = await new LocalSignals().joinedTo(samples, stackOf(allTiers), [process])
  expect(joined).toEqual([samples[0], { ...samples[1], signals: { running: 3 } }, samples[2]])
  server.closeAllConnections()
  server.close()
})
