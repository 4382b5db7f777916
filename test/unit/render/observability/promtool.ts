/** Runs promtool on files that are written for it. */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { execa } from 'execa'

/**
 * Writes the files into a folder of their own and runs promtool there.
 * @returns what it said, and whether it was content
 */
export async function promtool(
  program: string,
  files: ReadonlyMap<string, string>,
  args: readonly string[],
): Promise<{ readonly ok: boolean; readonly said: string }> {
  const folder = await mkdtemp(join(tmpdir(), 'ragscale-promtool-'))
  try {
    for (const [path, text] of files) {
      await mkdir(dirname(join(folder, path)), { recursive: true })
      await writeFile(join(folder, path), text)
    }
    const { exitCode, all } = await execa(program, args, { cwd: folder, all: true, reject: false })
    return { ok: exitCode === 0, said: all ?? '' }
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}
