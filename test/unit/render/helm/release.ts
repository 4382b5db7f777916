/** What Helm makes of a rendered chart: its manifests, or why it refuses. */
import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { parseAllDocuments } from 'yaml'
import type { Rendered } from '../../../../src/render/rendered.ts'

export interface Release {
  /** Everything that Helm would send to the cluster, as YAML documents. */
  readonly text: string
  /** The same, parsed. */
  readonly objects: readonly Manifest[]
}

export interface Manifest {
  readonly apiVersion: string
  readonly kind: string
  readonly metadata: { readonly name: string; readonly labels?: Readonly<Record<string, string>> }
  // oxlint-disable-next-line typescript/no-explicit-any -- a manifest of any kind.
  readonly [key: string]: any
}

/** A folder with a chart in it, gone when `close` is called. */
export function chartFolder(rendered: Rendered): { readonly path: string; readonly close: () => void } {
  const root = mkdtempSync(join(tmpdir(), 'ragscale-chart-'))
  for (const [path, text] of rendered) {
    const file = join(root, path)
    mkdirSync(dirname(file), { recursive: true })
    writeFileSync(file, text)
  }
  return {
    path: join(root, 'helm/ragscale'),
    close: () => rmSync(root, { recursive: true, force: true }),
  }
}

/** @throws Error with what Helm said, when it refuses */
export function helm(program: string, args: readonly string[]): string {
  const { status, stdout, stderr, error } = spawnSync(program, args, {
    encoding: 'utf8',
    maxBuffer: 64 * 2 ** 20,
    timeout: 120_000,
    // No repositories, plugins or clusters of whoever runs the tests.
    env: { ...process.env, HELM_CONFIG_HOME: '/nonexistent', KUBECONFIG: '/nonexistent' },
  })
  if (error !== undefined) throw error
  if (status !== 0) throw new Error(`helm ${args[0] ?? ''}: ${stderr}${stdout}`)
  return stdout
}

/** Values as a user would give them, over those of the chart. */
export interface Values {
  readonly [key: string]: unknown
}

/** @throws Error with what Helm said, when it refuses */
export function releaseOf(program: string, chart: string, ...values: readonly Values[]): Release {
  // The same chart and values make the same manifests: asked for once.
  const asked = JSON.stringify([chart, values])
  const known = releases.get(asked)
  if (known !== undefined) return known
  const args = values.flatMap((given) => ['--set-json', JSON.stringify(given)])
  const text = helm(program, ['template', 'demo', chart, '--namespace', 'rag', ...args])
  const release = { text, objects: objectsOf(text) }
  releases.set(asked, release)
  return release
}

const releases = new Map<string, Release>()

export function objectsOf(text: string): Manifest[] {
  return parseAllDocuments(text).flatMap((document) => {
    if (document.errors.length > 0) throw new Error(document.errors.map(({ message }) => message).join('\n'))
    const value = document.toJS() as Manifest | null
    return value === null ? [] : [value]
  })
}

export function one({ objects }: Release, kind: string, name: string): Manifest {
  const found = objects.filter((object) => object.kind === kind && object.metadata.name === name)
  const [object] = found
  if (object === undefined || found.length > 1) throw new Error(`${found.length} × ${kind} ${name}`)
  return object
}
