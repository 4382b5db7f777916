import { resolve } from 'node:path'
import type { GlobalOptions } from '../cli.ts'
import { ExitCode } from '../errors.ts'
import { exists, readRecording, runFiles, writeText } from '../recording/files.ts'
import { recoverRun } from '../recording/recover.ts'
import { findRunFolder } from '../recording/store.ts'
import { publish } from '../loop/publish.ts'
import { styleOf } from '../loop/terminal-style.ts'
import { renderHtml } from '../report/html/page.ts'
import { renderJunit } from '../report/junit.ts'
import { renderMarkdown } from '../report/markdown.ts'
import { renderRun } from '../report/terminal.ts'
import type { Runtime } from '../runtime.ts'

export interface ReportOptions extends GlobalOptions {
  readonly run: string
  readonly runs: string
  readonly html?: string
  readonly markdown?: string
  readonly junit?: string
}

/** A run again, from its record. A run whose process was killed is recovered first, as far as it went. */
export async function report(options: ReportOptions, runtime: Runtime): Promise<ExitCode> {
  const folder = await findRunFolder(resolve(runtime.cwd, options.runs), options.run, runtime.cwd)
  if (!(await exists(`${folder}/${runFiles.run}`))) {
    await recoverRun(folder)
    if (!options.quiet)
      runtime.stderr.write(`${folder} was left half-written; what had been measured is recovered\n`)
    await publish({ ...(await readRecording(folder)), folder })
  }
  const recording = await readRecording(folder)
  const written: [string, string][] = []
  const save = async (path: string | undefined, render: () => string): Promise<void> => {
    if (path === undefined) return
    await writeText(resolve(runtime.cwd, path), render())
    written.push([path, resolve(runtime.cwd, path)])
  }
  await save(options.html, () => renderHtml(recording))
  await save(options.markdown, () => renderMarkdown(recording.run))
  await save(options.junit, () => renderJunit(recording.run))
  if (options.json) runtime.stdout.write(`${JSON.stringify(recording.run)}\n`)
  else if (written.length === 0)
    runtime.stdout.write(renderRun(recording.run, styleOf(runtime.stdout, runtime, options.color)))
  for (const [path] of written) if (!options.quiet) runtime.stderr.write(`wrote ${path}\n`)
  return ExitCode.ok
}
