/** A program in a container that runs. */
import { withoutFrames } from './logs.ts'
import type { Engine } from './engine.ts'

const mostMs = 900

/** What it wrote on stdout; null where it is not there, fails, or takes longer than a sample may. */
export async function execute(
  { docker }: Engine,
  container: string,
  command: readonly string[],
): Promise<string | null> {
  try {
    const exec = await docker
      .getContainer(container)
      .exec({ Cmd: [...command], AttachStdout: true, AttachStderr: false })
    const stream = await exec.start({ hijack: false, stdin: false })
    const pieces: Buffer[] = []
    const late = setTimeout(() => stream.destroy(new Error('late')), mostMs)
    try {
      for await (const piece of stream) pieces.push(piece as Buffer)
    } finally {
      clearTimeout(late)
    }
    const { ExitCode } = await exec.inspect()
    return ExitCode === 0 ? withoutFrames(Buffer.concat(pieces)) : null
  } catch {
    return null
  }
}
