/** ragscale's own commands, in this process, on the cluster of a test. */
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { change } from '../../src/loop/change.ts'
import { readStackFile } from '../../src/loop/stack-file.ts'
import { connectTo } from '../../src/loop/connection.ts'
import { run } from '../../src/main.ts'
import { processRuntime } from '../../src/runtime.ts'
import { type Preset, presetText } from '../../src/stack/presets.ts'
import { applyChanges } from '../../src/stack/save.ts'
import type { Stack } from '../../src/stack/stack.ts'
import { openTarget } from '../../src/targets/open.ts'
import type { Connection, Observed } from '../../src/targets/target.ts'
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
  /** As `command`, with what it has said so far on standard error. */
  readonly start: (...args: readonly string[]) => {
    readonly said: () => string
    readonly ended: Promise<Ended>
  }
  /** Other values in the file, by key: `tiers.embed.replicas`. */
  readonly change: (changes: Readonly<Record<string, unknown>>) => Promise<void>
  readonly write: (path: string, text: string) => Promise<void>
  /** As a rollout does: the file's stack, and what no file says. */
  readonly bring: (more: (stack: Stack) => Stack) => Promise<void>
  /** As a load test reaches it. */
  readonly connect: () => Promise<Connection>
  readonly remove: () => Promise<void>
}

/** A k6 that was built once serves all. */
const { cacheDir } = processRuntime()

/** A preset on target kubernetes, in a folder of its own; its name is the release's. */
export async function stackFolder(
  plane: Pick<ControlPlane, 'kubeconfig'>,
  preset: Preset,
  changes: Readonly<Record<string, unknown>> = {},
  namespace?: string,
): Promise<StackFolder> {
  const stack = await folderWith(plane, await presetText(preset), namespace)
  await stack.change({ target: 'kubernetes', ...changes })
  return stack
}

/** A stack of any kind, as a user would write it. */
export async function folderWith(
  plane: Pick<ControlPlane, 'kubeconfig'>,
  yaml: string,
  namespace?: string,
): Promise<StackFolder> {
  const folder = await mkdtemp(join(tmpdir(), 'ragscale-stack-'))
  const file = join(folder, 'ragscale.yaml')
  await writeFile(file, yaml)
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
  const runtimeHere = () => ({ ...fakeRuntime({ cwd: folder, env }), cacheDir })
  const start: StackFolder['start'] = (...args) => {
    const runtime = runtimeHere()
    const ended = run(args, runtime).then((code) => ({ code, out: runtime.out(), err: runtime.err() }))
    return { said: () => runtime.err(), ended }
  }
  return {
    folder,
    command: async (...args) => await start(...args).ended,
    start,
    change: async (values) => {
      const edits = Object.entries(values).map(([path, value]) => ({ path, value }))
      await writeFile(file, applyChanges(await readFile(file, 'utf8'), edits, file, folder).text)
    },
    write: async (path, text) => {
      await mkdir(dirname(join(folder, path)), { recursive: true })
      await writeFile(join(folder, path), text)
    },
    bring: async (more) => {
      const runtime = runtimeHere()
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
    connect: async () => {
      const runtime = runtimeHere()
      const stack = await readStackFile({ file: 'ragscale.yaml', quiet: true }, runtime)
      const target = await openTarget(stack, runtime)
      return await connectTo(target, await target.observe(stack))
    },
    remove: async () => await rm(folder, { recursive: true, force: true }),
  }
}
