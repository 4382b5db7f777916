/** ragscale's own commands, in this process, on the control plane of a test. */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { run } from '../../src/main.ts'
import { type Preset, presetText } from '../../src/stack/presets.ts'
import { applyChanges } from '../../src/stack/save.ts'
import { fakeRuntime } from '../cli/fake-runtime.ts'
import { type ControlPlane, need } from './control-plane.ts'

export interface Ended {
  readonly code: number
  readonly out: string
  readonly err: string
}

export interface StackFolder {
  readonly folder: string
  /** `up`, `--timeout 60s` … */
  readonly command: (...args: readonly string[]) => Promise<Ended>
  /** Other values in the file, by key: `tiers.embed.replicas`. */
  readonly change: (changes: Readonly<Record<string, unknown>>) => Promise<void>
  readonly write: (path: string, text: string) => Promise<void>
  readonly remove: () => Promise<void>
}

/** A preset on target kubernetes, in a folder of its own; its name is the release's. */
export async function stackFolder(
  plane: Pick<ControlPlane, 'kubeconfig'>,
  preset: Preset,
  changes: Readonly<Record<string, unknown>> = {},
  namespace?: string,
): Promise<StackFolder> {
  const folder = await mkdtemp(join(tmpdir(), 'ragscale-stack-'))
  const file = join(folder, 'ragscale.yaml')
  const write = async (text: string, values: Readonly<Record<string, unknown>>) => {
    const edits = Object.entries(values).map(([path, value]) => ({ path, value }))
    await writeFile(file, applyChanges(text, edits, file, folder).text)
  }
  await write(await presetText(preset), { target: 'kubernetes', ...changes })
  const tools = [dirname(await need('helm')), dirname(await need('kubectl'))]
  const kubeconfig = join(folder, 'kubeconfig')
  const config = await readFile(plane.kubeconfig, 'utf8')
  await writeFile(
    kubeconfig,
    namespace === undefined ? config : config.replace('"namespace":"rag"', `"namespace":"${namespace}"`),
  )
  const env = {
    KUBECONFIG: kubeconfig,
    HOME: folder,
    PATH: [...tools, process.env['PATH'] ?? ''].join(':'),
  }
  return {
    folder,
    command: async (...args) => {
      const runtime = fakeRuntime({ cwd: folder, env })
      const code = await run(args, runtime)
      return { code, out: runtime.out(), err: runtime.err() }
    },
    change: async (values) => await write(await readFile(file, 'utf8'), values),
    write: async (path, text) => await writeFile(join(folder, path), text),
    remove: async () => await rm(folder, { recursive: true, force: true }),
  }
}
