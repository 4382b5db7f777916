import { resolve } from 'node:path'
import type { GlobalOptions } from '../cli.ts'
import type { Recommendation } from '../capacity/types.ts'
import { ExitCode, UserError } from '../errors.ts'
import { editsOf, writeEdits } from '../loop/apply.ts'
import { bringTo } from '../loop/bring-to.ts'
import { liveView, silentView } from '../loop/live-view.ts'
import { measure } from '../loop/measure.ts'
import { openRunning } from '../loop/open.ts'
import { publish } from '../loop/publish.ts'
import { recommendFromRuns } from '../loop/recommendation.ts'
import { readStackFile } from '../loop/stack-file.ts'
import { styleOf } from '../loop/terminal-style.ts'
import { stagesToVerify, verification } from '../loop/verify.ts'
import type { Verification } from '../loop/verify.ts'
import { writeText } from '../recording/files.ts'
import { renderRecommendationMarkdown } from '../report/recommendation-markdown.ts'
import { renderExplanation, renderRecommendation } from '../report/recommendation.ts'
import type { Runtime } from '../runtime.ts'
import type { Stack } from '../stack/stack.ts'
import { parseCount, parseDuration, parseGrowth, parseRate } from '../stack/units.ts'

export interface RecommendCommandOptions extends GlobalOptions {
  readonly rate?: string
  readonly run: readonly string[]
  readonly runs: string
  readonly spare: string
  readonly growth?: string
  readonly duration: string
  readonly apply: boolean
  readonly verify: boolean
  readonly check: boolean
  readonly explain?: string
  /** A file to write a summary to, for a CI job's page. */
  readonly markdown?: string
}

/**
 * Runs → counts, with reasons. Exit 5 when `--check` finds today's counts too few, when no counts within the
 * limits will do, or when `--verify` measured that an SLO broke; 6 when its measurement may not be believed.
 */
export async function recommend(options: RecommendCommandOptions, runtime: Runtime): Promise<ExitCode> {
  const stack = await readStackFile(options, runtime)
  if ((options.apply || options.verify) && stack.target === 'external') throw notOurs(options)
  const rate = options.rate === undefined ? stack.workload.rate : parseRate(options.rate, '--rate')
  const growth = options.growth === undefined ? 1 : parseGrowth(options.growth, '--growth')
  const recommendation = await recommendFromRuns({
    stack,
    rate,
    growth,
    spare: parseCount(options.spare, '--spare'),
    runs: options.run,
    runsFolder: options.runs,
    cwd: runtime.cwd,
  })
  const applies = (options.apply || options.verify) && recommendation.feasible
  const applied = applies ? await apply(recommendation, stack, options, runtime) : stack
  const verified = options.verify && applies ? await verify(recommendation, applied, options, runtime) : null
  const shown: Recommendation = { ...recommendation, verified }
  if (options.markdown !== undefined) {
    await writeText(resolve(runtime.cwd, options.markdown), renderRecommendationMarkdown(shown))
  }
  if (options.json) runtime.stdout.write(`${JSON.stringify(shown)}\n`)
  else {
    const style = styleOf(runtime.stdout, runtime, options.color)
    runtime.stdout.write(
      options.explain === undefined
        ? renderRecommendation(shown, style)
        : renderExplanation(shown, options.explain, style),
    )
  }
  return exitCodeFor(shown, verified, options)
}

function notOurs({ file, verify }: RecommendCommandOptions): UserError {
  return new UserError(
    `${file} describes a stack that somebody else runs: ragscale cannot change its counts`,
    {
      exitCode: ExitCode.usage,
      hint: verify
        ? 'Change the counts there, then load it again: ragscale loadtest --rate <rate>'
        : 'Take the counts from ragscale recommend, and change them there.',
    },
  )
}

function exitCodeFor(
  { sufficient, feasible }: Recommendation,
  verified: Verification | null,
  { check }: RecommendCommandOptions,
): ExitCode {
  if (verified !== null) {
    if (verified.verdict === 'interrupted') return ExitCode.interrupted
    if (verified.ok === null) return ExitCode.invalid
    return verified.ok ? ExitCode.ok : ExitCode.insufficient
  }
  return !feasible || (check && !sufficient) ? ExitCode.insufficient : ExitCode.ok
}

/** Edits the file and, where the stack runs, brings it to what the file now says. */
async function apply(
  recommendation: Recommendation,
  stack: Stack,
  options: RecommendCommandOptions,
  runtime: Runtime,
): Promise<Stack> {
  const edits = editsOf(recommendation)
  const changed = await writeEdits(stack, edits, runtime)
  if (!options.quiet) {
    for (const { path, from, to } of edits)
      runtime.stderr.write(`${options.file}: ${path} ${from ?? 'unset'} → ${to}\n`)
    if (edits.length === 0) runtime.stderr.write(`${options.file} says so already\n`)
  }
  await bringTo(
    changed,
    {
      what: 'ragscale recommend --apply',
      onlyIfRunning: !options.verify,
      yes: options.yes,
      timeoutMs: 600_000,
      quiet: options.quiet,
      color: options.color,
    },
    runtime,
  )
  return changed
}

async function verify(
  recommendation: Recommendation,
  stack: Stack,
  options: RecommendCommandOptions,
  runtime: Runtime,
): Promise<Verification> {
  const running = await openRunning(stack, runtime)
  const view = options.quiet
    ? silentView
    : liveView(runtime.stderr, styleOf(runtime.stderr, runtime, options.color))
  const measured = await measure(
    {
      stack,
      running,
      stages: stagesToVerify(
        recommendation,
        running.urls.pipeline !== undefined || stack.endpoints.pipeline !== undefined,
      ),
      scenario: 'steady',
      rate: recommendation.for.rate,
      durationMs: parseDuration(options.duration, '--duration'),
      runsFolder: options.runs,
      yes: options.yes,
      onPlan: view.plan,
      onLine: view.line,
      onNotice: view.notice,
      onBuild: view.build,
    },
    runtime,
  ).finally(async () => {
    view.end()
    await running.close()
  })
  await publish(measured)
  return verification(recommendation, measured.run)
}
