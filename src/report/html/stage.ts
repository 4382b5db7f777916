/** One stage of a run on the page: its steps as a table, its plots, then every figure. */
import type { Recording } from '../../recording/files.ts'
import type { TierUse } from '../../recording/resources.ts'
import type { Run, RunStep } from '../../recording/run.ts'
import { escapeMarkup } from '../escape.ts'
import { figure, rate, share } from '../format.ts'
import { errorList, failedShare, metricTitles, stepFlags, stepInFocus, stepNotes } from '../run-words.ts'
import { saidByTiers, useColumns } from '../tier-use.ts'
import { achievedAgainstOffered, kneeBetween, latencyAgainstRate } from './against-rate.ts'
import { stageBreakdown } from './breakdown.ts'
import { fullWidth, halfWidth } from './chart.ts'
import { errorsOverTime } from './errors-over-time.ts'
import { latencyOverTime, ratesOverTime, stageTime } from './over-time.ts'
import { htmlTable, type HtmlColumn } from './parts.ts'
import { cpuOverTime, gpuOverTime, memoryOverTime } from './resources-over-time.ts'
import { percentileSpectrum } from './spectrum.ts'

const streaming = ['rag_ttft', 'ttft', 'ttfo', 'tpot', 'itl_gap']

export function stageSection(recording: Recording, stage: string): string {
  const { run } = recording
  const steps = run.steps.filter((step) => step.stage === stage)
  const title = `<h2>${escapeMarkup(stage)}</h2>`
  if (steps.length === 0) return `<section>${title}<p>No step of this stage was measured.</p></section>`
  return `<section>
${title}
<p>${escapeMarkup(summaryOf(steps))}</p>
${htmlTable('Latency in milliseconds, of answers that succeeded; rates a second.', stepColumns, steps)}
${notesOf(steps)}
<div class="plots">
${plots(recording, stage)
  .filter((plot) => plot !== '')
  .join('\n')}
</div>
${streamingTable(steps)}
${tierTable(run, stage)}
</section>`
}

function plots(recording: Recording, stage: string): string[] {
  const { run } = recording
  const time = stageTime(recording, stage)
  const focus = stepInFocus(run, stage)
  const achieved = achievedAgainstOffered(run, stage)
  return [
    withClass(latencyOverTime(recording, time, fullWidth), 'full wide'),
    withClass(latencyOverTime(recording, time, halfWidth), 'narrow'),
    latencyAgainstRate(run, stage, 'latency'),
    achieved === '' ? ratesOverTime(recording, time) : achieved,
    ...streaming.slice(0, 4).map((metric) => latencyAgainstRate(run, stage, metric)),
    percentileSpectrum(recording, stage),
    stage === 'pipeline' && focus !== undefined ? stageBreakdown(focus) : '',
    errorsOverTime(recording, time),
    achieved === '' ? '' : ratesOverTime(recording, time),
    cpuOverTime(recording, time),
    memoryOverTime(recording, time),
    gpuOverTime(recording, time),
  ]
}

function withClass(figure: string, className: string): string {
  return figure.replace('class="plot', `class="plot ${className}`)
}

/** What a reader should take away from a stage's steps, as sentences. */
function summaryOf(steps: readonly RunStep[]): string {
  const doubtful = steps.filter((step) => !step.valid).length
  const sentences = [
    steps.length === 1
      ? `One step, ${figure(steps[0]?.scheduled)} arrivals.`
      : `${steps.length} steps from ${rate(Math.min(...steps.map((step) => step.offered)))} to ${rate(Math.max(...steps.map((step) => step.offered)))}.`,
    ...(steps.length > 1 ? [kneeBetween(steps).sentence] : []),
    ...(doubtful === 0
      ? []
      : [
          `${steps.length === 1 ? 'It' : `${doubtful} of ${steps.length}`} may not be believed; the reasons are below.`,
        ]),
  ]
  return sentences.join(' ')
}

const latency = (pick: (summary: RunStep['metrics'][string]) => number | null) => (step: RunStep) => {
  const summary = step.metrics['latency']
  return summary === undefined ? '–' : figure(pick(summary))
}

const stepColumns: readonly HtmlColumn<RunStep>[] = [
  { head: 'step', cell: (step) => step.id },
  { head: 'offered', kind: 'number', cell: (step) => figure(step.offered) },
  { head: 'achieved', kind: 'number', cell: (step) => figure(step.achieved) },
  { head: 'completed', kind: 'number', cell: (step) => figure(step.completed) },
  { head: 'p50', kind: 'number', cell: latency((summary) => summary.p50) },
  { head: 'p95', kind: 'number', cell: latency((summary) => summary.p95) },
  { head: 'p99', kind: 'number', cell: latency((summary) => summary.p99) },
  { head: 'p99.9', kind: 'number', cell: latency((summary) => summary.p999) },
  { head: 'max', kind: 'number', cell: latency((summary) => summary.max) },
  {
    head: 'errors',
    kind: 'number',
    cell: (step) => share(failedShare(step)),
    className: (step) => (step.failed > 0 ? 'broken' : ''),
  },
  { head: 'goodput', kind: 'number', cell: (step) => figure(step.goodput) },
  { head: 'recall@k', kind: 'number', cell: (step) => figure(step.recallAtK) },
  { head: '', cell: (step) => stepFlags(step).join(', '), className: () => 'doubt' },
]

function notesOf(steps: readonly RunStep[]): string {
  const notes = steps.flatMap((step) =>
    [...stepNotes(step), ...(step.failed === 0 ? [] : [`failed: ${errorList(step.errors)}`])].map(
      (note) => `<li><b>${escapeMarkup(step.id)}</b> ${escapeMarkup(note)}</li>`,
    ),
  )
  return notes.length === 0 ? '' : `<ul class="notes">${notes.join('')}</ul>`
}

function streamingTable(steps: readonly RunStep[]): string {
  const rows = steps.flatMap((step) =>
    streaming.flatMap((metric) => {
      const summary = step.metrics[metric]
      return summary === undefined ? [] : [{ step: step.id, metric, summary }]
    }),
  )
  return htmlTable(
    `Streaming, in milliseconds. ${namesOf(rows.map((row) => row.metric))}`,
    [
      { head: 'step', cell: (row) => row.step },
      { head: 'metric', cell: (row) => row.metric },
      { head: 'count', kind: 'number', cell: (row) => figure(row.summary.count) },
      { head: 'p50', kind: 'number', cell: (row) => figure(row.summary.p50) },
      { head: 'p95', kind: 'number', cell: (row) => figure(row.summary.p95) },
      { head: 'p99', kind: 'number', cell: (row) => figure(row.summary.p99) },
      { head: 'max', kind: 'number', cell: (row) => figure(row.summary.max) },
    ],
    rows,
  )
}

function namesOf(metrics: readonly string[]): string {
  return [...new Set(metrics)]
    .map((metric) => `${metric}: ${(metricTitles[metric] ?? metric).toLowerCase()}.`)
    .join(' ')
}

function tierTable(run: Run, stage: string): string {
  const step = stepInFocus(run, stage)
  if (step === undefined) return ''
  const used = htmlTable(
    `What each tier used in ${step.id}, at ${rate(step.offered)}: summed over its replicas, averaged over the time.`,
    [
      { head: 'tier', cell: ([tier]) => tier },
      ...useColumns(step.tiers).map((column) => ({
        head: column.head,
        kind: 'number' as const,
        cell: ([, use]: [string, TierUse]) => column.cell(use),
      })),
    ],
    Object.entries(step.tiers),
  )
  const said = saidByTiers(step.tiers).map(
    ({ tier, words }) => `<li><b>${escapeMarkup(tier)}</b> ${escapeMarkup(words.join(' · '))}</li>`,
  )
  return said.length === 0 ? used : `${used}\n<ul class="said">${said.join('')}</ul>`
}
