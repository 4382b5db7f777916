/** What the tests of the target share: a control plane for the file, and a stack for each test that leaves nothing behind. */
import { afterAll, afterEach, beforeAll, expect } from 'vitest'
import type { Preset } from '../../src/stack/presets.ts'
import { type StackFolder, stackFolder } from './command.ts'
import { type ControlPlane, startControlPlane } from './control-plane.ts'

export const namespace = 'rag'
/** Long enough for two busy cores; what is meant to fail is given less. */
export const patience = ['--timeout', '150s'] as const

export interface OnControlPlane {
  readonly plane: () => ControlPlane
  /** A preset in a folder of its own; the namespace is `rag` unless it is said. */
  readonly given: (
    preset: Preset,
    changes?: Readonly<Record<string, unknown>>,
    other?: string,
  ) => Promise<StackFolder>
  /** As `leftIn` says it. */
  readonly left: () => string[]
  /** What changes when the API server writes an object: its title → its version. */
  readonly versions: () => Record<string, string>
  /** Titles of the objects that were written since. */
  readonly changedSince: (before: Record<string, string>) => string[]
}

const kinds =
  'deployments,statefulsets,services,configmaps,serviceaccounts,networkpolicies,poddisruptionbudgets'

/** Everything in a namespace but what every namespace has, and what is only told of it. */
export function leftIn({ kubectl }: Pick<ControlPlane, 'kubectl'>, namespace: string): string[] {
  const all = kubectl(['api-resources', '--namespaced', '--verbs=list,get', '--output=name'])
    .trim()
    .split('\n')
    .filter((kind) => !kind.startsWith('events'))
  const names = kubectl(['get', all.join(','), '-n', namespace, '-o', 'name'])
  const always = ['configmap/kube-root-ca.crt', 'serviceaccount/default', '']
  return names
    .trim()
    .split('\n')
    .filter((name) => !always.includes(name))
}

/** For one file: two nodes with eight GPUs each and one without. */
export function onControlPlane(): OnControlPlane {
  let plane: ControlPlane | undefined
  let stack: StackFolder | undefined
  const running = (): ControlPlane => {
    if (plane === undefined) throw new Error('the control plane does not run')
    return plane
  }
  const left = (): string[] => leftIn(running(), namespace)
  // What has a status is written by controllers too: of that the generation counts.
  const versions = (): Record<string, string> => {
    const text = running().kubectl(['get', kinds, '-n', namespace, '-o', 'json'])
    const { items } = JSON.parse(text) as { items: { kind: string; metadata: Metadata }[] }
    return Object.fromEntries(
      items.map(({ kind, metadata }) => [
        `${kind} ${metadata.name}`,
        String(metadata.generation ?? metadata.resourceVersion),
      ]),
    )
  }

  beforeAll(async () => {
    plane = await startControlPlane([
      { name: 'gpu-1', gpus: 8 },
      { name: 'gpu-2', gpus: 8 },
      { name: 'plain', gpus: 0 },
    ])
  })
  afterAll(async () => await plane?.close())
  afterEach(async () => {
    if (stack === undefined) return
    const { code, err } = await stack.command('down', '--volumes', '--yes', ...patience)
    await stack.remove()
    expect({ code, err: code === 0 ? '' : err }).toEqual({ code: 0, err: '' })
    expect(left().filter((name) => !/^endpoint(s|slice\.\S+)\//.test(name))).toEqual([])
    // A Service's addresses are removed by a controller, which is late where the API server was away: it looks for that ever less often.
    await expect.poll(left, { timeout: 120_000, interval: 500 }).toEqual([])
  })
  return {
    plane: running,
    given: async (preset, changes = {}, other) => {
      stack = await stackFolder(running(), preset, changes, other)
      return stack
    },
    left,
    versions,
    changedSince: (before) =>
      Object.entries(versions()).flatMap(([title, version]) => (before[title] === version ? [] : [title])),
  }
}

interface Metadata {
  readonly name: string
  readonly generation?: number
  readonly resourceVersion: string
}
