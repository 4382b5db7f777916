/** A program in a container that runs. */
import { withoutFrames } from './logs.ts'
import type { Engine } from './engine.ts'

const mostMs = 900

/** What it wrote on stdout; null where it is not there, fails, or takes longer than a sample may. */
export async function execute(
  engine: Engine,
  container: string,
  command: readonly string[],
): Promise<string | null> {
  try {
    const { exitCode, output } = await runIn(engine, container, command, mostMs)
    return exitCode === 0 ? output : null
  } catch {
    return null
  }
}

/** Runs it to its end. `output`: what it wrote on stdout. @throws the engine's error; Error when it takes longer */
export async function runIn(
  { docker }: Engine,
  container: string,
  command: readonly string[],
  withinMs: number,
): Promise<{ readonly exitCode: number; readonly output: string }> {
  const exec = await docker
    .getContainer(container)
    .exec({ Cmd: [...command], AttachStdout: true, AttachStderr: false })
  const stream = await exec.start({ hijack: false, stdin: false })
  const pieces: Buffer[] = []
  const late = setTimeout(() => stream.destroy(new Error('late')), withinMs)
  try {
    for await (const piece of stream) pieces.push(piece as Buffer)
  } finally {
    clearTimeout(late)
  }
  const { ExitCode } = await exec.inspect()
  return { exitCode: ExitCode ?? -1, output: withoutFrames(Buffer.concat(pieces)) }
}
