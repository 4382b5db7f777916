import { messageOf, UserError } from './errors.ts'

/** What a disk said, with its cure where that is known. */
export function diskError(what: string, error: unknown): UserError {
  const code = (error as NodeJS.ErrnoException).code
  const hints: Record<string, string> = {
    ENOSPC:
      'The disk is full. Make room (`ragscale runs list` shows old runs), then try again; nothing already written is lost.',
    EDQUOT: 'The disk quota is used up. Make room, then try again; nothing already written is lost.',
    EROFS: 'The disk is read-only: work in a folder that can be written, or keep runs elsewhere with --runs.',
    EACCES:
      'The folder is not writable by this user: work in one that is, or keep runs elsewhere with --runs.',
  }
  const hint = hints[code ?? '']
  return new UserError(`${what}: ${messageOf(error)}`, {
    cause: error,
    code: code === 'ENOSPC' || code === 'EDQUOT' ? 'disk-full' : 'disk',
    ...(hint === undefined ? {} : { hint }),
  })
}
