/** Files in `deploy/` that a user has changed, or made, where `render` would write. */
import { UserError } from '../errors.ts'
import { overrideOf } from '../render/header.ts'
import type { Palette } from '../report/palette.ts'
import type { Runtime } from '../runtime.ts'
import { diffOf } from './diff.ts'
import { replacedFolder, shownIn } from './folder.ts'
import type { Change } from './plan.ts'

export interface Place {
  /** Absolute. */
  readonly folder: string
  readonly cwd: string
}

/** Where nobody can be asked: which files, what to write instead, and with which command to have them replaced. */
export function refused(conflicts: readonly Change[], { folder, cwd }: Place, command: string): UserError {
  const lines = conflicts.map(
    ({ path, kind }) =>
      `  ${shownIn(folder, path, cwd)} ${kind === 'edited' ? 'was changed by hand' : 'was not written by ragscale'}: ${overrideOf(path)}`,
  )
  const what = conflicts.length === 1 ? 'A file is' : `${conflicts.length} files are`
  return new UserError(`${what} in the way; nothing was written.\n${lines.join('\n')}`, {
    hint: `${command} --force   replaces ${conflicts.length === 1 ? 'it and keeps it' : 'them and keeps them'} in ${shownIn(folder, replacedFolder, cwd)}; --check --diff shows the lines`,
    code: 'edited',
  })
}

/** Shows each and asks; returns the paths that may be replaced. */
export async function askAbout(
  conflicts: readonly Change[],
  { folder, cwd }: Place,
  runtime: Pick<Runtime, 'prompts' | 'stderr'>,
  palette: Palette,
): Promise<ReadonlySet<string>> {
  const agreed = new Set<string>()
  for (const change of conflicts) {
    const shown = shownIn(folder, change.path, cwd)
    runtime.stderr.write(await diffOf(change, shown, palette))
    const by = change.kind === 'edited' ? 'was changed by hand' : 'was not written by ragscale'
    const yes = await runtime.prompts.confirm(
      `${shown} ${by}. Replace it? (Yours is kept in ${shownIn(folder, replacedFolder, cwd)})`,
      { initial: false },
    )
    if (yes) agreed.add(change.path)
    else
      runtime.stderr.write(`${shown} stays as it is. Rather than editing it, ${overrideOf(change.path)}.\n`)
  }
  return agreed
}
