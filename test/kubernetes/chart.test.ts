/**
 * The chart on a real API server: what it would store, defaults filled in, admission and the CRDs' own rules (CEL)
 * included, which schemas alone do not hold. Nothing runs.
 */
import { execFileSync, spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { findTool } from '../tools/find-tool.ts'
import { run } from '../tools/command.ts'
import { extensions } from '../tools/kubernetes-schemas.ts'
import { howToGet } from '../tools/tools.ts'
import { chartFolder, releaseOf, type Values } from '../unit/render/helm/release.ts'
import { chartOf, presets, presetStack } from '../unit/render/helm/stacks.ts'
import { variants, whole } from '../unit/render/helm/variants.ts'
import { type ApiServer, startApiServer } from './api-server.ts'

const programs = {
  etcd: await need('etcd'),
  apiServer: await need('kube-apiserver'),
  helm: await need('helm'),
  kubectl: await need('kubectl'),
}
const namespace = 'rag'

async function need(name: 'etcd' | 'kube-apiserver' | 'helm' | 'kubectl'): Promise<string> {
  const path = await findTool(name)
  if (path === null) throw new Error(`${name} is missing: ${howToGet(name)}`)
  return path
}

const releases: readonly (readonly [string, ReturnType<typeof presetStack>, Values])[] = [
  ...presets.map((name) => [`preset ${name}`, presetStack(name), {}] as const),
  ...Object.entries(variants).map(([name, values]) => [`everything, ${name}`, whole, values] as const),
]

describe('a real API server', () => {
  let server: ApiServer
  const folders: (() => void)[] = []

  beforeAll(async () => {
    server = await startApiServer({ etcd: programs.etcd, apiServer: programs.apiServer })
    for (const { module, path } of extensions) {
      const { Dir } = JSON.parse(await run('go', ['mod', 'download', '-json', module])) as { Dir: string }
      // Server-side: some definitions are too large for the annotation that the client would keep.
      kubectl(['apply', '--server-side', '--filename', join(Dir, path)])
    }
    kubectl(['wait', '--for=condition=Established', 'crd', '--all', '--timeout=60s'])
    kubectl(['create', 'namespace', namespace])
  })
  afterAll(async () => {
    folders.forEach((close) => close())
    await server?.close()
  })

  const kubectl = (args: readonly string[], input = '') =>
    execFileSync(programs.kubectl, ['--kubeconfig', server.kubeconfig, ...args], {
      input,
      encoding: 'utf8',
      maxBuffer: 64 * 2 ** 20,
      timeout: 170_000,
    })

  test.for(releases)('takes the chart of %s', ([, stack, values]) => {
    const folder = chartFolder(chartOf(stack))
    folders.push(folder.close)
    const { text, objects } = releaseOf(programs.helm, folder.path, values, { monitoring: { enabled: true } })
    const args = [
      'apply',
      '--dry-run=server',
      '--namespace',
      namespace,
      '--output',
      'name',
      '--filename',
      '-',
    ]
    const answer = spawnSync(programs.kubectl, ['--kubeconfig', server.kubeconfig, ...args], {
      input: text,
      encoding: 'utf8',
      maxBuffer: 64 * 2 ** 20,
    })
    // Warnings too: what is deprecated or ignored is a fault of the chart.
    expect(answer.stderr).toBe('')
    expect(answer.status).toBe(0)
    expect(answer.stdout.trim().split('\n')).toHaveLength(objects.length)
  })

  test('refuses what the chart never writes: a Service whose port is out of range', () => {
    const broken = {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name: 'broken' },
      spec: { ports: [{ port: 99_999 }] },
    }
    expect(() =>
      kubectl(['apply', '--dry-run=server', '-n', namespace, '-f', '-'], JSON.stringify(broken)),
    ).toThrow(/99999/)
  })
})
