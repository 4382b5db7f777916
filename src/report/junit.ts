/** A run as JUnit XML: a testcase an SLO, and one for whether the measurement may be believed. */
import type { Run, SloResult } from '../recording/run.ts'
import { escapeMarkup } from './escape.ts'
import { rehearsal, runTitle, sloFigures, stepNotes, verdictSentence } from './run-words.ts'

interface Case {
  readonly name: string
  readonly className: string
  /** What broke, or null. */
  readonly broken: {
    readonly element: 'failure' | 'error'
    readonly type: string
    readonly message: string
  } | null
  readonly output: readonly string[]
}

export function renderJunit(run: Run): string {
  const cases = [...run.slo.map((row) => sloCase(run, row)), ...failedRequests(run), validityCase(run)]
  const count = (element: string): number => cases.filter((one) => one.broken?.element === element).length
  const seconds = Math.max(0, (Date.parse(run.endedAt) - Date.parse(run.startedAt)) / 1000)
  const counts = `tests="${cases.length}" failures="${count('failure')}" errors="${count('error')}" time="${seconds.toFixed(3)}"`
  return `<?xml version="1.0" encoding="UTF-8"?>
<testsuites name="ragscale" ${counts}>
  <testsuite name="${escapeMarkup(`${run.stack.name}: ${runTitle(run)}`)}" ${counts} skipped="0" timestamp="${escapeMarkup(run.startedAt)}">
    <properties>
${properties(run)
  .map(([name, value]) => `      <property name="${name}" value="${escapeMarkup(value)}"/>`)
  .join('\n')}
    </properties>
${cases.map(renderCase).join('\n')}
  </testsuite>
</testsuites>
`
}

function properties(run: Run): [string, string][] {
  return [
    ['run', run.id],
    ['verdict', run.verdict],
    ['target', run.target],
    ['emulated', String(run.emulated)],
    ...(run.emulated ? ([['rehearsal', rehearsal]] as [string, string][]) : []),
    ['arrivals', run.arrivals],
    ['seed', String(run.seed)],
    ['stack', run.environment.stackHash],
  ]
}

function sloCase(run: Run, row: SloResult): Case {
  const { limit, actual } = sloFigures(row)
  const measured = `${row.on} was ${actual}${row.step === null ? '' : ` in step ${row.step}`}, the limit is ${limit}`
  return {
    name: `${row.on} within ${limit}`,
    className: `slo.${row.on.split('.')[0] ?? ''}`,
    broken: row.ok
      ? null
      : {
          element: 'failure',
          type: 'slo',
          message: row.because === null ? measured : `${measured}: ${row.because}`,
        },
    output: row.ok ? [measured] : run.verdictBecause,
  }
}

/** A run may fail without breaking an SLO: when most of its requests failed and none was set on errors. */
function failedRequests(run: Run): Case[] {
  if (run.verdict !== 'fail' || run.slo.some((row) => !row.ok)) return []
  const message = run.verdictBecause.join('; ')
  return [
    {
      name: 'most requests succeed',
      className: 'errors',
      broken: { element: 'failure', type: 'errors', message },
      output: [],
    },
  ]
}

function validityCase(run: Run): Case {
  const notes = run.steps.flatMap((step) => stepNotes(step).map((note) => `${step.id} ${note}`))
  const message = [verdictSentence(run), ...run.verdictBecause].join('; ')
  return {
    name: 'the measurement may be believed',
    className: 'validity',
    broken:
      run.verdict === 'invalid' || run.verdict === 'interrupted'
        ? { element: 'error', type: run.verdict, message }
        : null,
    output: notes,
  }
}

function renderCase({ name, className, broken, output }: Case): string {
  const open = `    <testcase name="${escapeMarkup(name)}" classname="${escapeMarkup(className)}"`
  const inner = [
    ...(broken === null
      ? []
      : [`      <${broken.element} type="${broken.type}" message="${escapeMarkup(broken.message)}"/>`]),
    ...(output.length === 0 ? [] : [`      <system-out>${escapeMarkup(output.join('\n'))}</system-out>`]),
  ]
  return inner.length === 0 ? `${open}/>` : `${open}>\n${inner.join('\n')}\n    </testcase>`
}
