import { resolve } from 'node:path'
import { uniformFloat64 } from 'pure-rand/distribution/uniformFloat64'
import { xoroshiro128plus } from 'pure-rand/generator/xoroshiro128plus'
import type { GlobalOptions } from '../cli.ts'
import { ExitCode } from '../errors.ts'
import { styleOf } from '../loop/terminal-style.ts'
import { compareRuns } from '../recording/compare.ts'
import { readRecording } from '../recording/files.ts'
import { findRunFolder } from '../recording/store.ts'
import { renderComparison } from '../report/comparison.ts'
import type { Runtime } from '../runtime.ts'

export interface CompareOptions extends GlobalOptions {
  readonly baseline: string
  readonly run: string
  readonly runs: string
}

/** Two runs, as a verdict on regression: exit 5 for one, 6 when noise hides whether there is one. */
export async function compare(options: CompareOptions, runtime: Runtime): Promise<ExitCode> {
  const folder = resolve(runtime.cwd, options.runs)
  const baseline = await readRecording(await findRunFolder(folder, options.baseline, runtime.cwd))
  const run = await readRecording(await findRunFolder(folder, options.run, runtime.cwd))
  const generator = xoroshiro128plus(1)
  const comparison = compareRuns(baseline, run, () => uniformFloat64(generator))
  if (options.json) runtime.stdout.write(`${JSON.stringify(comparison)}\n`)
  else runtime.stdout.write(renderComparison(comparison, styleOf(runtime.stdout, runtime, options.color)))
  switch (comparison.verdict) {
    case 'regression':
      return ExitCode.insufficient
    case 'unclear':
      return ExitCode.invalid
    case 'no regression':
      return ExitCode.ok
  }
}
