/** What kubectl 1.35 and Helm 4.1 write, as it was recorded against a real API server (1.36), and what is read in it. */
import { describe, expect, test } from 'vitest'
import { Cluster } from '../../../../src/targets/kubernetes/cluster.ts'
import { hostsOf } from '../../../../src/targets/kubernetes/hosts.ts'
import { readPlace } from '../../../../src/targets/kubernetes/place.ts'
import { ProgramFailed, isUnreachable } from '../../../../src/targets/kubernetes/programs.ts'
import { Recorded } from './recorded-programs.ts'
import { isPending, lastDeployed, latest, readHistory } from '../../../../src/targets/kubernetes/release.ts'

const place = {
  context: 'test',
  namespace: 'rag',
  server: 'https://127.0.0.1:6443',
  local: true,
  isNamed: false,
}

const refused = `E1121 20:32:32.714382   30862 memcache.go:265] "Unhandled Error" err="couldn't get current server API group list: Get \\"https://127.0.0.1:1/api?timeout=32s\\": dial tcp 127.0.0.1:1: connect: connection refused"
The connection to the server 127.0.0.1:1 was refused - did you specify the right host or port?`

describe('where', () => {
  const config = {
    contexts: [{ name: 'test', context: { cluster: 'test', user: 'admin', namespace: 'rag' } }],
    clusters: [
      { name: 'test', cluster: { server: 'https://127.0.0.1:6443', 'insecure-skip-tls-verify': true } },
    ],
    'current-context': 'test',
  }

  test('is what kubectl would take', async () => {
    const programs = new Recorded({ 'kubectl config view': { stdout: JSON.stringify(config) } })
    expect(await readPlace(programs)).toEqual(place)
  })

  test('without a namespace is the one called default', async () => {
    const bare = { ...config, contexts: [{ name: 'test', context: { cluster: 'test', user: 'admin' } }] }
    const programs = new Recorded({ 'kubectl config view': { stdout: JSON.stringify(bare) } })
    expect((await readPlace(programs)).namespace).toBe('default')
  })

  test('without a cluster is told with the command that chooses one, exit 2', async () => {
    const stderr = 'error: current-context must exist in order to minify'
    await expect(
      readPlace(new Recorded({ 'kubectl config view': { ok: false, stderr } })),
    ).rejects.toMatchObject({
      message: 'kubectl knows of no cluster: current-context must exist in order to minify',
      exitCode: 2,
    })
  })
})

describe('an API server that does not answer', () => {
  test.for([
    refused,
    'Error: kubernetes cluster unreachable: Get "https://127.0.0.1:1/version": dial tcp 127.0.0.1:1: connect: connection refused',
    'Unable to connect to the server: net/http: TLS handshake timeout',
    'Error from server (ServiceUnavailable): the server is currently unable to handle the request',
    'Error: UPGRADE FAILED: Get "https://10.0.0.1:6443/api": http2: client connection lost',
  ])('is known by %s', (stderr) => {
    expect(isUnreachable(stderr)).toBe(true)
  })

  test.for([
    'Error from server: Get "https://127.0.0.1:10250/containerLogs/rag/embed/embed?tailLines=20": dial tcp 127.0.0.1:10250: connect: connection refused',
    'Error from server (NotFound): pods "embed" not found',
    'Error from server (Forbidden): nodes is forbidden: User "dev" cannot list resource "nodes"',
    'Error: release: not found',
  ])('is not one that answers: %s', (stderr) => {
    expect(isUnreachable(stderr)).toBe(false)
  })
})

describe('a release', () => {
  const history = [
    {
      revision: 1,
      updated: '2026-11-21T20:06:47.812482251Z',
      status: 'deployed',
      chart: 'ragscale-0.1.0',
      app_version: '0.1.0',
      description: 'Install complete',
    },
    {
      revision: 2,
      updated: '2026-11-21T20:08:49.1Z',
      status: 'pending-upgrade',
      chart: 'ragscale-0.1.0',
      app_version: '0.1.0',
      description: 'Preparing upgrade',
    },
  ]

  test('is what its history says', async () => {
    const programs = new Recorded({ 'helm history laptop': { stdout: JSON.stringify(history.toReversed()) } })
    const revisions = await readHistory('laptop', place, programs)
    expect(lastDeployed(revisions)?.revision).toBe(1)
    expect(latest(revisions)).toMatchObject({
      revision: 2,
      updatedAt: Date.parse('2026-11-21T20:08:49.1Z'),
      chart: 'ragscale-0.1.0',
    })
    expect(revisions.map(isPending)).toEqual([false, true])
    expect(programs.asked[0]).toContain('--kube-context test --namespace rag')
  })

  test('that there is none of has no history', async () => {
    const programs = new Recorded({ 'helm history': { ok: false, stderr: 'Error: release: not found' } })
    expect(await readHistory('laptop', place, programs)).toEqual([])
  })

  test('that may not be read is an error', async () => {
    const stderr =
      'Error: query: failed to query with labels: secrets is forbidden: User "dev" cannot list resource "secrets"'
    await expect(
      readHistory('laptop', place, new Recorded({ 'helm history': { ok: false, stderr } })),
    ).rejects.toThrow(ProgramFailed)
  })
})

describe('a cluster', () => {
  test('knows the kinds that it lists, those of an API whose server is down left out', async () => {
    const stdout = [
      'bindings                                                     v1                                true    Binding',
      'configmaps                          cm                       v1                                true    ConfigMap',
      'deployments                         deploy                   apps/v1                           true    Deployment',
    ].join('\n')
    const programs = new Recorded({
      'kubectl version': {
        stdout: JSON.stringify({ clientVersion: {}, serverVersion: { gitVersion: 'v1.36.3' } }),
      },
      'kubectl api-resources': {
        ok: false,
        stdout,
        stderr: 'error: unable to retrieve the complete list of server APIs: metrics.k8s.io/v1beta1',
      },
    })
    expect(await new Cluster(place, programs).capabilities()).toEqual({
      version: 'v1.36.3',
      apis: ['v1', 'v1/Binding', 'v1/ConfigMap', 'apps/v1', 'apps/v1/Deployment'],
    })
  })

  test('is asked for the keys of a Secret, and not for what they hold', async () => {
    const stdout =
      'qdrant-api-key redis-password \napp.kubernetes.io/instance=laptop app.kubernetes.io/managed-by=ragscale '
    const programs = new Recorded({ 'kubectl get secret laptop-ragscale-secrets': { stdout } })
    expect(await new Cluster(place, programs).secret('laptop-ragscale-secrets')).toEqual({
      keys: ['qdrant-api-key', 'redis-password'],
      labels: { 'app.kubernetes.io/instance': 'laptop', 'app.kubernetes.io/managed-by': 'ragscale' },
    })
    expect(programs.asked[0]).toContain('go-template={{range $key, $_ := .data}}{{$key}} {{end}}')
  })

  test('without that Secret says nothing', async () => {
    const programs = new Recorded({ 'kubectl get secret': {} })
    expect(await new Cluster(place, programs).secret('laptop-ragscale-secrets')).toBeNull()
  })

  test('shows what a user may see, and says what they may not', async () => {
    const stdout = JSON.stringify({
      items: [{ apiVersion: 'v1', kind: 'Pod', metadata: { name: 'embed' }, spec: { containers: [] } }],
    })
    const stderr =
      'Error from server (Forbidden): persistentvolumeclaims is forbidden: User "dev" cannot list resource'
    const programs = new Recorded({ 'kubectl get pods': { ok: false, stdout, stderr } })
    const { pods, claims, hidden } = await new Cluster(place, programs).running('laptop')
    expect([pods.length, claims.length, hidden]).toEqual([1, 0, [stderr]])
  })
})

test('hosts are those of an Ingress, secure where it has a certificate for them', () => {
  const ingress = {
    apiVersion: 'networking.k8s.io/v1',
    kind: 'Ingress',
    metadata: { name: 'laptop' },
    spec: {
      rules: [{ host: 'plain.test' }, { host: 'rag.test' }, { host: '*.test' }, {}],
      tls: [{ hosts: ['rag.test'] }],
    },
  }
  expect(hostsOf([ingress])).toEqual(['https://rag.test', 'http://plain.test'])
})
