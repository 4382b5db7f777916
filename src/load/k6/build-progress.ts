import type { Output } from '../../runtime.ts'
import type { BuildProgress } from './build.ts'

/** Shows a build of k6: a line that rewrites itself on a terminal, else one for every tenth of the way. */
export function showBuildProgress(stderr: Output): (progress: BuildProgress) => void {
  let tenth = -1
  return (progress) => {
    if (progress.phase === 'waiting') {
      stderr.write('waiting for another build of k6\n')
      return
    }
    if (progress.phase === 'linking') {
      stderr.write(`${stderr.isTTY ? '\r\u001B[K' : ''}linking k6\n`)
      return
    }
    const { done, total } = progress
    const share = Math.floor((done / Math.max(1, total)) * 10)
    if (stderr.isTTY) stderr.write(`\r\u001B[Kbuilding k6: ${done} of at most ${total} packages`)
    else if (share > tenth) stderr.write(`building k6: ${done} of at most ${total} packages\n`)
    tenth = Math.max(tenth, share)
  }
}
