/** A run's pages, beside its record. */
import { join } from 'node:path'
import { ExitCode } from '../errors.ts'
import { runFiles, writeText } from '../recording/files.ts'
import type { Recording } from '../recording/files.ts'
import type { Verdict } from '../recording/run.ts'
import { renderHtml } from '../report/html/page.ts'
import { renderJunit } from '../report/junit.ts'
import { renderMarkdown } from '../report/markdown.ts'

/** Writes `report.html`, `summary.md` and `junit.xml` into the run's folder. */
export async function publish(recording: Recording & { readonly folder: string }): Promise<void> {
  const { folder, run } = recording
  await writeText(join(folder, runFiles.html), renderHtml(recording))
  await writeText(join(folder, runFiles.markdown), renderMarkdown(run))
  await writeText(join(folder, runFiles.junit), renderJunit(run))
}

const exitCodes: Readonly<Record<Verdict, ExitCode>> = {
  pass: ExitCode.ok,
  fail: ExitCode.insufficient,
  invalid: ExitCode.invalid,
  interrupted: ExitCode.interrupted,
}

export function exitCodeOf(verdict: Verdict): ExitCode {
  return exitCodes[verdict]
}
