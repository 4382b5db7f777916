/** An image built by Compose, from what a service says of it. */
import { ExitCode, UserError } from '../../errors.ts'
import type { Env } from '../docker/context.ts'
import { type ComposeCall, type ComposeTool, callCompose } from './tool.ts'

/** @throws UserError with the last lines of a build that failed; the signal's reason when interrupted */
export async function buildByCompose(
  tool: Extract<ComposeTool, { kind: 'command' }>,
  call: ComposeCall,
  { image, env }: { readonly image: string; readonly env: Env },
): Promise<void> {
  const { failed, stderr, stdout } = await callCompose(tool, call, env)
  if (!failed) return
  call.signal?.throwIfAborted()
  const lines = `${stdout}\n${stderr}`.trim().split('\n').slice(-20)
  throw new UserError(
    `${image} could not be built\n  its last lines:${lines.map((line) => `\n    | ${line}`).join('')}`,
    {
      hint: 'deploy/image/Dockerfile says how it is made; from a checkout put what `npm pack` makes beside it.',
      exitCode: ExitCode.failed,
      code: 'build',
    },
  )
}
