import type { Palette } from '../report/palette.ts'
import type { Change } from './plan.ts'

/**
 * A unified diff of what is there and what would be, as `git diff` shows one; empty where nothing would change.
 * @param shown the file's path for the reader
 */
export async function diffOf(change: Change, shown: string, palette: Palette): Promise<string> {
  const { kind, before, after } = change
  if (kind === 'unchanged' || kind === 'kept') return ''
  // Imported when there is a difference to show.
  const { FILE_HEADERS_ONLY, createTwoFilesPatch } = await import('diff')
  const patch = createTwoFilesPatch(
    before === null ? '/dev/null' : `a/${shown}`,
    after === null ? '/dev/null' : `b/${shown}`,
    before ?? '',
    after ?? '',
    undefined,
    undefined,
    { context: 3, headerOptions: FILE_HEADERS_ONLY },
  )
  return patch
    .split('\n')
    .map((line) => coloured(line, palette))
    .join('\n')
}

function coloured(line: string, palette: Palette): string {
  if (line.startsWith('---') || line.startsWith('+++')) return palette.bold(line)
  if (line.startsWith('@@')) return palette.cyan(line)
  if (line.startsWith('+')) return palette.green(line)
  if (line.startsWith('-')) return palette.red(line)
  return line
}
