/** What a rendering changed, for a terminal and as JSON. */
import type { UserError } from '../errors.ts'
import { type Palette, noColors } from '../report/palette.ts'
import { diffOf } from './diff.ts'
import { shownIn } from './folder.ts'
import type { Change, ChangeKind } from './plan.ts'

export interface View {
  readonly folder: string
  readonly cwd: string
  readonly rendering: string
  readonly changes: readonly Change[]
  /** Path → where a user's version is now. */
  readonly replaced: ReadonlyMap<string, string>
  readonly diff: boolean
  /** False where it is only what would be. */
  readonly written: boolean
}

/** One line a file that is not as it was, then how many are; with `diff`, the lines instead. */
export async function changeList(view: View, palette: Palette): Promise<string> {
  const { changes, folder, cwd, diff } = view
  const lines: string[] = []
  for (const change of changes.filter(({ kind }) => kind !== 'unchanged')) {
    const { path } = change
    const shown = shownIn(folder, path, cwd)
    lines.push(`${wordOf(change, view).padEnd(13)} ${shown}${remark(change, view)}\n`)
    if (diff) lines.push(await diffOf(change, shown, palette))
  }
  const unchanged = changes.filter(({ kind }) => kind === 'unchanged').length
  if (unchanged > 0)
    lines.push(`${'unchanged'.padEnd(13)} ${unchanged} ${unchanged === 1 ? 'file' : 'files'}\n`)
  return lines.join('')
}

/** One document; `error` is in it where the command fails with what it found. */
export async function renderJson(view: View, error: UserError | null): Promise<string> {
  const { folder, rendering, written, changes, replaced, diff } = view
  const files = await Promise.all(
    changes.map(async (change) => {
      const keptAt = replaced.get(change.path)
      return {
        path: change.path,
        change: change.kind,
        ...(keptAt === undefined ? {} : { keptAt }),
        ...(diff ? { diff: await diffOf(change, change.path, noColors) } : {}),
      }
    }),
  )
  const said =
    error === null ? {} : { error: { code: error.code, message: error.message, hint: error.hint ?? null } }
  return `${JSON.stringify({ schema: 'ragscale.render/1', target: rendering, folder, written, files, ...said })}\n`
}

const wouldBe: Readonly<Record<ChangeKind, string>> = {
  wrote: 'would write',
  changed: 'would change',
  unchanged: 'unchanged',
  edited: 'edited',
  foreign: 'in the way',
  removed: 'would remove',
  kept: 'kept',
}

function wordOf({ path, kind }: Change, { written, replaced }: View): string {
  if (!written) return wouldBe[kind]
  if (kind !== 'edited' && kind !== 'foreign') return kind
  return replaced.has(path) ? 'replaced' : 'left'
}

function remark({ path, kind }: Change, { folder, cwd, written, replaced }: View): string {
  const keptAt = replaced.get(path)
  if (keptAt !== undefined) return `   yours is ${shownIn(folder, keptAt, cwd)}`
  if (kind === 'kept') return '   no longer rendered, and changed by hand: yours from now on'
  if (kind === 'edited') return written ? '   as you changed it' : '   changed by hand'
  if (kind === 'foreign') return '   not written by ragscale'
  return ''
}
