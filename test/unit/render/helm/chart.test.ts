import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import type { Stack } from '../../../../src/stack/stack.ts'
import { findTool } from '../../../tools/find-tool.ts'
import { describeWith } from '../../../tools/describe-with.ts'
import { findSchemas } from '../../../tools/kubernetes-schemas.ts'
import { chartFolder, helm, type Release, releaseOf } from './release.ts'
import { chartOf, presets, presetStack } from './stacks.ts'
import { variants, whole } from './variants.ts'

const minutes = 60_000

// Helm takes a second for a release, and more on a busy machine.
vi.setConfig({ testTimeout: 120_000 })

/** What is held to schemas below: a kind that no variant makes would be held to nothing. */
const everyKind = [
  'ConfigMap',
  'Deployment',
  'DestinationRule',
  'HTTPRoute',
  'HorizontalPodAutoscaler',
  'Ingress',
  'Job',
  'NetworkPolicy',
  'PersistentVolumeClaim',
  'PodDisruptionBudget',
  'PrometheusRule',
  'ResourceQuota',
  'Role',
  'RoleBinding',
  'ScaledObject',
  'Secret',
  'Service',
  'ServiceAccount',
  'ServiceMonitor',
  'StatefulSet',
  'VirtualService',
]

await describeWith('helm', 'Helm takes the chart', (program) => {
  /** Of every stack: its name, and its release by each variant. */
  const stacks: Readonly<Record<string, Stack>> = {
    ...Object.fromEntries(presets.map((name) => [name, presetStack(name)])),
    'a rehearsal': presetStack('production', (file) => {
      file.rehearse = true
    }),
    'behind HAProxy': presetStack('production', (file) => {
      file.balancer.component = 'haproxy'
    }),
    'behind Envoy': presetStack('small', (file) => {
      file.balancer.component = 'envoy'
    }),
  }
  const releases = new Map<string, Release>()
  const folders: { path: string; close: () => void }[] = []

  beforeAll(() => {
    for (const [name, stack] of Object.entries(stacks)) {
      const folder = chartFolder(chartOf(stack))
      folders.push(folder)
      helm(program, ['lint', '--strict', '--quiet', folder.path])
      releases.set(name, releaseOf(program, folder.path, { monitoring: { enabled: true } }))
    }
    const folder = chartFolder(chartOf(whole))
    folders.push(folder)
    for (const [name, values] of Object.entries(variants)) {
      releases.set(`everything, ${name}`, releaseOf(program, folder.path, values))
    }
  }, 8 * minutes)
  afterAll(() => folders.forEach(({ close }) => close()))

  test('of every preset and by every variant of its values', () => {
    expect(releases.size).toBe(Object.keys(stacks).length + Object.keys(variants).length)
  })

  test('and names everything once', () => {
    for (const [variant, { objects }] of releases) {
      const names = objects.map(({ kind, metadata }) => `${kind} ${metadata.name}`)
      expect(
        names.filter((name, index) => names.indexOf(name) !== index),
        variant,
      ).toEqual([])
    }
  })

  test('of everything that the chart can make', () => {
    const kinds = new Set([...releases.values()].flatMap(({ objects }) => objects.map(({ kind }) => kind)))
    expect([...kinds].sort()).toEqual(everyKind)
  })

  describe('every manifest is what the API servers take', async () => {
    const kubeconform = await findTool('kubeconform')
    const schemas = await findSchemas()
    if (kubeconform === null || schemas === null) {
      const missing = 'NOT CHECKED: npm run tools kubeconform, and node test/tools/kubernetes-schemas.ts'
      process.stderr.write(`manifests: ${missing}\n`)
      test.skip(missing, () => {})
      return
    }
    test.each(schemas.kubernetes)('of Kubernetes $version', { timeout: 5 * minutes }, ({ folder }) => {
      const root = mkdtempSync(join(tmpdir(), 'ragscale-manifests-'))
      try {
        const files = [...releases].map(([variant, { text }], index) => {
          const file = join(root, `${index}-${variant.replaceAll(/[^a-z]+/gi, '-')}.yaml`)
          writeFileSync(file, text)
          return file
        })
        const at = (path: string) => `${path}/{{ .ResourceKind }}{{ .KindSuffix }}.json`
        const { stdout, status } = spawnSync(
          kubeconform,
          [
            '-strict',
            '-output=json',
            '-n=2',
            `-schema-location=${at(folder)}`,
            `-schema-location=${at(schemas.extensions)}`,
            ...files,
          ],
          { encoding: 'utf8', maxBuffer: 64 * 2 ** 20 },
        )
        const { resources = [] } = JSON.parse(stdout) as { resources?: unknown[] }
        expect(resources).toEqual([])
        expect(status).toBe(0)
      } finally {
        rmSync(root, { recursive: true, force: true })
      }
    })
  })
})
