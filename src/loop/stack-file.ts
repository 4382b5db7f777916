import type { GlobalOptions } from '../cli.ts'
import type { Runtime } from '../runtime.ts'
import { loadStack } from '../stack/load.ts'
import { formatProblem } from '../stack/problems.ts'
import type { Stack } from '../stack/stack.ts'

/** The stack that `--file` names; its warnings go to stderr. */
export async function readStackFile(
  options: Pick<GlobalOptions, 'file' | 'quiet'>,
  runtime: Runtime,
): Promise<Stack> {
  return await loadStack(options.file, {
    cwd: runtime.cwd,
    warn: (problem) => {
      if (!options.quiet) runtime.stderr.write(`${formatProblem(options.file, problem)}\n`)
    },
  })
}
