import { join, resolve } from 'node:path'
import type { GlobalOptions } from '../cli.ts'
import { askAbout, refused } from '../deployed/conflicts.ts'
import { compareWithFolder, writeComparison } from '../deployed/compare.ts'
import { conflictsAmong, hasDrift } from '../deployed/plan.ts'
import { readTemplates } from '../deployed/templates.ts'
import { changeList, renderJson } from '../deployed/view.ts'
import { ExitCode, UserError } from '../errors.ts'
import { readStackFile } from '../loop/stack-file.ts'
import { styleOf } from '../loop/terminal-style.ts'
import { type Rendering, render as renderStack } from '../render/render.ts'
import type { Runtime } from '../runtime.ts'
import { shownPath } from '../stack/load.ts'
import type { Stack } from '../stack/stack.ts'

export interface RenderOptions extends GlobalOptions {
  readonly target?: Rendering
  readonly out?: string
  readonly check: boolean
  readonly diff: boolean
  readonly dryRun: boolean
  readonly force: boolean
}

/**
 * Writes `deploy/` again and says what changed. `--check` writes nothing and exits 1 where it would change
 * something. A file that a user has changed is replaced only when that was asked for, and kept aside.
 */
export async function render(options: RenderOptions, runtime: Runtime): Promise<ExitCode> {
  const stack = await readStackFile(options, runtime)
  const rendering = options.target ?? renderingOf(stack)
  const folder = options.out === undefined ? join(stack.folder, 'deploy') : resolve(runtime.cwd, options.out)
  const rendered = renderStack(stack, rendering, await readTemplates())
  const comparison = await compareWithFolder(rendered, rendering, folder)
  const { changes } = comparison
  const place = { folder, cwd: runtime.cwd, rendering }
  const palette = styleOf(runtime.stdout, runtime, options.color).palette
  const show = async (replaced: ReadonlyMap<string, string>, error: UserError | null): Promise<void> => {
    const view = { ...place, changes, replaced, diff: options.diff, written: error === null && !dry }
    if (options.json) runtime.stdout.write(await renderJson(view, error))
    else if (!options.quiet) runtime.stdout.write(await changeList(view, palette))
  }
  const dry = options.check || options.dryRun
  if (dry) {
    const error =
      options.check && hasDrift(changes) ? drift(shownPath(folder, runtime.cwd), again(options)) : null
    await show(new Map(), error)
    if (error === null) return ExitCode.ok
    // With --json the one document holds the error as well.
    if (options.json) return ExitCode.failed
    throw error
  }
  const conflicts = conflictsAmong(changes)
  const asking = runtime.interactive && !options.yes && !options.json
  if (conflicts.length > 0 && !options.force && !asking) throw refused(conflicts, place, again(options))
  const mayReplace = options.force
    ? new Set(conflicts.map(({ path }) => path))
    : await askAbout(conflicts, place, runtime, styleOf(runtime.stderr, runtime, options.color).palette)
  const { replaced } = await writeComparison(comparison, mayReplace)
  await show(replaced, null)
  return ExitCode.ok
}

/** Of the stack's own target. Throws a UserError (exit 2) for one that nothing is rendered for. */
function renderingOf({ target }: Stack): Rendering {
  if (target !== 'local' && target !== 'external') return target
  const because =
    target === 'local'
      ? 'the local target runs a stack without any files'
      : 'somebody else runs an external stack'
  throw new UserError(`There is nothing to render for target ${target}: ${because}.`, {
    hint:
      target === 'local'
        ? 'ragscale render --target compose   (or swarm, kubernetes, systemd; ci for the CI job alone)'
        : 'ragscale render --target ci   writes the CI job',
    exitCode: ExitCode.usage,
    code: 'target',
  })
}

function drift(folder: string, command: string): UserError {
  return new UserError(`${folder} is not what ragscale.yaml says.`, {
    hint: `${command}   writes it again; --check --diff shows the lines`,
    code: 'drift',
  })
}

/** The command that was called, to be called again. */
function again({ file, target, out }: RenderOptions): string {
  return [
    'ragscale',
    ...(file === 'ragscale.yaml' ? [] : ['--file', file]),
    'render',
    ...(target === undefined ? [] : ['--target', target]),
    ...(out === undefined ? [] : ['--out', out]),
  ].join(' ')
}
