/** Builds an image from a folder, by the engine alone. */
import { readdir } from 'node:fs/promises'
import { UserError } from '../../../errors.ts'
import type { Engine } from '../../docker/engine.ts'

interface BuildLine {
  readonly stream?: string
  readonly error?: string
}

/** @throws UserError with the last lines of a build that failed */
export async function buildImage(
  { docker }: Engine,
  image: string,
  folder: string,
  signal: AbortSignal,
): Promise<void> {
  const src = await readdir(folder, { recursive: true })
  const stream = await docker.buildImage({ context: folder, src }, { t: image, abortSignal: signal })
  const lines: string[] = []
  await new Promise<void>((resolve, reject) => {
    docker.modem.followProgress(
      stream,
      (error: Error | null) => (error === null ? resolve() : reject(failed(image, error.message, lines))),
      ({ stream: text }: BuildLine) => {
        if (text !== undefined && text.trim() !== '') lines.push(text.trimEnd())
      },
    )
  })
}

function failed(image: string, because: string, lines: readonly string[]): UserError {
  const last = lines.slice(-20).map((line) => `\n    | ${line}`)
  return new UserError(`${image} could not be built: ${because}\n  its last lines:${last.join('')}`, {
    hint: 'deploy/image/Dockerfile says how it is made; from a checkout put what `npm pack` makes beside it.',
    code: 'build',
  })
}
