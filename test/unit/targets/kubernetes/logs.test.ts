import { describe, expect, test } from 'vitest'
import type { LogOptions } from '../../../../src/targets/target.ts'
import { Cluster } from '../../../../src/targets/kubernetes/cluster.ts'
import { readLogs } from '../../../../src/targets/kubernetes/logs.ts'
import { podNamed } from './cluster-objects.ts'
import { Recorded } from './recorded-programs.ts'

const place = {
  context: 'test',
  namespace: 'rag',
  server: 'https://127.0.0.1:6443',
  local: true,
  isNamed: false,
}
const roles = new Map([
  ['embed', { tier: 'embed', component: 'tei' }],
  ['gateway', { tier: 'gateway', component: 'reference' }],
])

function pod(workload: string, id: string) {
  const status = [{ name: workload, ready: true, restartCount: 0, state: { running: {} } }]
  const fetched = [
    { name: 'models-embed', ready: true, restartCount: 0, state: { terminated: { exitCode: 0 } } },
  ]
  return podNamed(
    `laptop-ragscale-${workload}-7d9f-${id}`,
    {},
    {
      metadata: { uid: id, labels: { 'app.kubernetes.io/component': workload } },
      spec: { nodeName: 'a', containers: [{ name: workload }] },
      status: {
        phase: 'Running',
        containerStatuses: status,
        ...(workload === 'embed' ? { initContainerStatuses: fetched } : {}),
      },
    },
  )
}

/** Writes what it was called with. */
class Writing extends Recorded {
  override async *lines(_program: string, args: readonly string[]): AsyncGenerator<string> {
    yield args.slice(0, args.indexOf('--context')).join(' ')
  }
}

async function read(options: Partial<LogOptions>): Promise<string[]> {
  const items = [pod('embed', 'x7k2p'), pod('gateway', 'a1b2c')]
  const programs = new Writing({ 'kubectl get pods,': { stdout: JSON.stringify({ items }) } })
  const cluster = new Cluster(place, programs)
  const all = { tier: null, follow: false, lines: 20, signal: new AbortController().signal, ...options }
  const lines: string[] = []
  for await (const { name, text } of readLogs('laptop', roles, cluster, programs, all))
    lines.push(`${name} | ${text}`)
  return lines.sort()
}

describe('logs', () => {
  test('are those of every container that has run, by the replica that it belongs to', async () => {
    expect(await read({})).toEqual([
      'embed-x7k2p | logs laptop-ragscale-embed-7d9f-x7k2p --container embed --tail 20',
      'embed-x7k2p/models-embed | logs laptop-ragscale-embed-7d9f-x7k2p --container models-embed --tail 20',
      'gateway-a1b2c | logs laptop-ragscale-gateway-7d9f-a1b2c --container gateway --tail 20',
    ])
  })

  test('of one tier leave the others out', async () => {
    expect((await read({ tier: 'gateway' })).map((line) => line.split(' ')[0])).toEqual(['gateway-a1b2c'])
  })

  test('that are followed end when nobody wants them any more', async () => {
    const stop = new AbortController()
    setTimeout(() => stop.abort(), 50)
    const lines = await read({ follow: true, signal: stop.signal, tier: 'gateway' })
    expect(lines).toEqual([
      'gateway-a1b2c | logs laptop-ragscale-gateway-7d9f-a1b2c --container gateway --tail 20 --follow',
    ])
  })
})
