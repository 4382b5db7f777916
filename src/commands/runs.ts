import { resolve } from 'node:path'
import type { GlobalOptions } from '../cli.ts'
import { ExitCode, UserError } from '../errors.ts'
import { styleOf } from '../loop/terminal-style.ts'
import { findRunFolder, listRuns as listFolder, removeRun as removeFolder } from '../recording/store.ts'
import { renderRunList } from '../report/run-list.ts'
import type { Runtime } from '../runtime.ts'

interface RunsOptions extends GlobalOptions {
  readonly runs: string
}

export async function listRuns(options: RunsOptions, runtime: Runtime): Promise<ExitCode> {
  const runs = await listFolder(resolve(runtime.cwd, options.runs))
  if (options.json) runtime.stdout.write(`${JSON.stringify({ schema: 'ragscale.runs/1', runs })}\n`)
  else runtime.stdout.write(renderRunList(runs, styleOf(runtime.stdout, runtime, options.color)))
  return ExitCode.ok
}

export async function removeRun(
  options: RunsOptions & { readonly run: string },
  runtime: Runtime,
): Promise<ExitCode> {
  const folder = await findRunFolder(resolve(runtime.cwd, options.runs), options.run, runtime.cwd)
  if (!options.yes) {
    if (!runtime.interactive) {
      throw new UserError(`${folder} would be removed, and nobody can be asked whether that is meant`, {
        hint: 'pass --yes if it is',
        exitCode: ExitCode.usage,
        code: 'unconfirmed',
      })
    }
    if (!(await runtime.prompts.confirm(`Remove ${folder} and everything in it?`))) {
      throw new UserError(`${folder} is left as it is`, {
        exitCode: ExitCode.interrupted,
        code: 'declined',
      })
    }
  }
  await removeFolder(folder)
  if (options.json) runtime.stdout.write(`${JSON.stringify({ schema: 'ragscale.removed/1', folder })}\n`)
  else if (!options.quiet) runtime.stderr.write(`removed ${folder}\n`)
  return ExitCode.ok
}
