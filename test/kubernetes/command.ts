/** ragscale's own commands, in this process, on the control plane of a test. */
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { change } from '../../src/loop/change.ts'
import { readStackFile } from '../../src/loop/stack-file.ts'
import { run } from '../../src/main.ts'
import { type Preset, presetText } from '../../src/stack/presets.ts'
import { applyChanges } from '../../src/stack/save.ts'
import type { Stack } from '../../src/stack/stack.ts'
import { openTarget } from '../../src/targets/open.ts'
import type { Observed } from '../../src/targets/target.ts'
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
  /** As a rollout does: the file's stack, and what no file says. */
  readonly bring: (more: (stack: Stack) => Stack) => Promise<void>
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
    write: async (path, text) => {
      await mkdir(dirname(join(folder, path)), { recursive: true })
      await writeFile(join(folder, path), text)
    },
    bring: async (more) => {
      const runtime = fakeRuntime({ cwd: folder, env })
      const stack = more(await readStackFile({ file: 'ragscale.yaml', quiet: true }, runtime))
      const target = await openTarget(stack, runtime)
      const plan = (observed: Observed) => target.plan(stack, observed)
      const { steps } = await change(
        {
          stack,
          target,
          what: 'a rollout',
          plan,
          dryRun: false,
          yes: true,
          timeoutMs: 150_000,
          onProgress: () => {},
        },
        runtime,
      )
      if (target.plan(stack, await target.observe(stack)).length > 0)
        throw new Error(`not at rest after ${steps.length} steps`)
    },
    remove: async () => await rm(folder, { recursive: true, force: true }),
  }
}
