import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { describeWith } from '../../../tools/describe-with.ts'
import { chartFolder, type Manifest, type Release, releaseOf } from './release.ts'
import { chartOf } from './stacks.ts'
import { type Variant, variants, whole } from './variants.ts'

// Helm takes a second for a release, and more on a busy machine.
vi.setConfig({ testTimeout: 120_000 })

await describeWith('helm', 'The network policies', (program) => {
  let chart: { path: string; close: () => void }
  beforeAll(() => {
    chart = chartFolder(chartOf(whole))
  })
  afterAll(() => chart.close())

  test('close everything that is not opened', () => {
    const deny = policies(released('as it is')).find(({ metadata }) => metadata.name === 'demo-ragscale-deny')
    expect(deny?.['spec']).toMatchObject({ policyTypes: ['Ingress', 'Egress'] })
    expect(deny?.['spec'].ingress).toBeUndefined()
    expect(deny?.['spec'].egress).toBeUndefined()
  })

  test('open exactly the arrows that exist, at both of their ends', () => {
    const release = released('as it is')
    expect(arrows(release, 'ingress')).toEqual(expected)
    expect(arrows(release, 'egress')).toEqual(expected)
  })

  test('follow the calls past the balancer where it is off', () => {
    const release = released('Istio, without a balancer')
    const seen = arrows(release, 'ingress')
    expect(seen).toEqual(arrows(release, 'egress'))
    expect(seen).toContain('gateway → embed:80')
    expect(seen).toContain('collection → vector:6333')
    expect(seen.filter((arrow) => arrow.includes('balancer'))).toEqual([])
  })

  test('let only what fetches models or asks a provider out, and never to a private address', () => {
    const out = policies(released('as it is')).filter(({ spec }) =>
      JSON.stringify(spec.egress ?? []).includes('0.0.0.0/0'),
    )
    expect(out.map(component).sort()).toEqual([
      'embed',
      'generate',
      'models-embed',
      'models-generate',
      'models-rerank',
      'rerank',
    ])
    for (const { spec } of out) {
      for (const { to, ports } of spec.egress) {
        const [peer] = to
        if (peer.ipBlock === undefined) continue
        expect(peer.ipBlock.except).toContain('169.254.0.0/16')
        expect(ports).toEqual([{ port: 443, protocol: 'TCP' }])
      }
    }
  })

  test('let the outside in at the front doors alone', () => {
    const doors = policies(released('as it is')).filter(({ spec }) =>
      (spec.ingress ?? []).some(({ from }: { from?: unknown }) => from === undefined),
    )
    expect(doors.map(component).sort()).toEqual(['balancer', 'gateway', 'ui'])
  })

  function released(variant: Variant): Release {
    return releaseOf(program, chart.path, variants[variant])
  }
})

/** Caller → called:port, of the stack that has everything. */
const expected = [
  'balancer → embed:80',
  'balancer → gateway:8080',
  'balancer → generate:8000',
  'balancer → rerank:80',
  'balancer → vector:6333',
  'balancer → worker:8080',
  'collection → balancer:8082',
  'gateway → balancer:8081',
  'gateway → balancer:8082',
  'gateway → balancer:8083',
  'gateway → balancer:8084',
  'gateway → cache:6379',
  'metadata-replica → metadata:5432',
  'ui → balancer:8081',
  'ui → balancer:8084',
  'vector → vector:6335',
  'worker → balancer:8081',
  'worker → balancer:8082',
  'worker → queue:6379',
]

function policies({ objects }: Release): Manifest[] {
  return objects.filter(({ kind }) => kind === 'NetworkPolicy')
}

function component({ spec }: Manifest): string {
  return spec.podSelector.matchLabels['app.kubernetes.io/component'] as string
}

/** Between pods of the release; names, Prometheus and the outside are left out. */
function arrows(release: Release, end: 'ingress' | 'egress'): string[] {
  const found = policies(release).flatMap((policy) =>
    (policy['spec'][end] ?? []).flatMap((rule: Manifest) => {
      const peers = (rule[end === 'ingress' ? 'from' : 'to'] ?? []) as Manifest[]
      return peers.flatMap(({ podSelector, namespaceSelector }) => {
        const other = podSelector?.matchLabels['app.kubernetes.io/component'] as string | undefined
        if (other === undefined || namespaceSelector !== undefined) return []
        return (rule['ports'] as { port: number }[]).map(({ port }) =>
          end === 'ingress'
            ? `${other} → ${component(policy)}:${port}`
            : `${component(policy)} → ${other}:${port}`,
        )
      })
    }),
  )
  return [...new Set<string>(found)].sort()
}
