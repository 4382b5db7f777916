/** A file is what it was or what it shall be, even when the disk fills or the process dies in between. */
import { randomUUID } from 'node:crypto'
import { open, realpath, rename, rm, stat } from 'node:fs/promises'

/**
 * Writes a file whole: beside it first, then renamed into its place. A symbolic link stays one, and owner and mode
 * of a file that is replaced are kept.
 * @param mode of a new file; default 0o666 less the umask
 * @throws the system's error; what was there before is then as it was
 */
export async function writeWhole(path: string, text: string, mode = 0o666): Promise<void> {
  const target = await realpath(path).catch(() => path)
  const before = await stat(target).catch(() => null)
  const draft = `${target}.${randomUUID()}.draft`
  try {
    const handle = await open(draft, 'wx', mode)
    try {
      // Not `write`, which on a disk that fills writes a part and calls that a success.
      await handle.writeFile(text)
      if (before !== null) {
        await handle.chmod(before.mode & 0o7777)
        // Only root may, and only root need.
        await handle.chown(before.uid, before.gid).catch(() => undefined)
      }
      await handle.sync()
    } finally {
      await handle.close()
    }
    await rename(draft, target)
  } catch (error) {
    await rm(draft, { force: true }).catch(() => undefined)
    // The system names the draft, or no file at all.
    if (error instanceof Error) error.message = `${error.message.replace(/ '.*$/, '')} '${path}'`
    throw error
  }
}
