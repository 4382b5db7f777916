/** A run as GitHub-flavoured Markdown: `summary.md`, fit for a CI job's summary. */
import type { Run, RunStep } from '../recording/run.ts'
import { escapeMarkdown } from './escape.ts'
import { figure, instant, rate, share } from './format.ts'
import {
  errorList,
  failedShare,
  rehearsal,
  sentLate,
  runTitle,
  sloFigures,
  sloState,
  spanNames,
  stepFlags,
  stepInFocus,
  stepNotes,
  verdictSentence,
  verdictWords,
} from './run-words.ts'
import { saidByTiers, useColumns } from './tier-use.ts'

const marks: Readonly<Record<Run['verdict'], string>> = {
  pass: '✅',
  fail: '❌',
  invalid: '⚠️',
  interrupted: '⏹️',
}

export function renderMarkdown(run: Run): string {
  const blocks = [
    `## ${marks[run.verdict]} ${verdictWords[run.verdict].word}: ${escapeMarkdown(runTitle(run))}`,
    `${sentence(verdictSentence(run))}${run.verdictBecause.map((reason) => `\n- ${escapeMarkdown(reason)}`).join('')}`,
    run.emulated ? `> **${escapeMarkdown(rehearsal)}**` : '',
    sloTable(run),
    ...run.stages.flatMap((stage) => stageBlocks(run, stage)),
    footer(run),
  ]
  return `${blocks.filter((block) => block !== '').join('\n\n')}\n`
}

function sentence(text: string): string {
  return `${escapeMarkdown(text.charAt(0).toUpperCase() + text.slice(1))}.`
}

function sloTable(run: Run): string {
  if (run.slo.length === 0) return ''
  return markdownTable(
    ['SLO', 'limit:', 'measured:', 'step', ''],
    run.slo.map((row) => {
      const { limit, actual } = sloFigures(row)
      return [
        row.on,
        limit,
        actual,
        row.step ?? '–',
        sloState(run, row) === 'broken' ? '**broken**' : sloState(run, row),
      ]
    }),
  )
}

function stageBlocks(run: Run, stage: string): string[] {
  const steps = run.steps.filter((step) => step.stage === stage)
  const title = `### ${escapeMarkdown(stage)}`
  if (steps.length === 0) return [title, 'No step was measured.']
  const notes = steps.flatMap((step) =>
    [...stepNotes(step), ...(step.failed === 0 ? [] : [`failed: ${errorList(step.errors)}`])].map(
      (note) => `- **${escapeMarkdown(step.id)}** ${escapeMarkdown(note)}`,
    ),
  )
  return [title, stepTable(steps), notes.join('\n'), tokenTable(steps), ...focusTables(run, stage)]
}

function stepTable(steps: readonly RunStep[]): string {
  const hasRecall = steps.some((step) => step.recallAtK !== null)
  return markdownTable(
    [
      'step',
      'offered /s:',
      'completed /s:',
      'p50 ms:',
      'p95 ms:',
      'p99 ms:',
      'errors:',
      'goodput /s:',
      ...(hasRecall ? ['recall@k:'] : []),
      '',
    ],
    steps.map((step) => {
      const latency = step.metrics['latency']
      return [
        step.id,
        figure(step.offered),
        figure(step.completed),
        figure(latency?.p50),
        figure(latency?.p95),
        figure(latency?.p99),
        share(failedShare(step)),
        figure(step.goodput),
        ...(hasRecall ? [figure(step.recallAtK)] : []),
        stepFlags(step).join(', '),
      ]
    }),
  )
}

function tokenTable(steps: readonly RunStep[]): string {
  const rows = steps.flatMap((step) =>
    ['rag_ttft', 'ttft', 'ttfo', 'tpot', 'itl_gap'].flatMap((metric) => {
      const summary = step.metrics[metric]
      return summary === undefined
        ? []
        : [[step.id, metric, figure(summary.p50), figure(summary.p95), figure(summary.p99)]]
    }),
  )
  return rows.length === 0 ? '' : markdownTable(['step', 'metric', 'p50 ms:', 'p95 ms:', 'p99 ms:'], rows)
}

function focusTables(run: Run, stage: string): string[] {
  const step = stepInFocus(run, stage)
  if (step === undefined) return []
  const spans = spanNames.flatMap((name) => {
    const summary = step.metrics[name]
    return stage !== 'pipeline' || summary === undefined
      ? []
      : [[name, figure(summary.p50), figure(summary.p95), figure(summary.p99), figure(summary.mean)]]
  })
  const columns = useColumns(step.tiers)
  const tiers = Object.entries(step.tiers).map(([tier, use]) => [
    tier,
    ...columns.map((column) => column.cell(use)),
  ])
  const said = saidByTiers(step.tiers).map(
    ({ tier, words }) => `- ${escapeMarkdown(tier)}: ${words.join(' · ')}`,
  )
  const where = `in ${escapeMarkdown(step.id)}, at ${rate(step.offered)}`
  return [
    ...(spans.length === 0
      ? []
      : [
          `Where the time goes ${where}:`,
          markdownTable(['stage', 'p50 ms:', 'p95 ms:', 'p99 ms:', 'mean ms:'], spans),
        ]),
    ...(tiers.length === 0
      ? []
      : [
          `Resources ${where}:`,
          markdownTable(['tier', ...columns.map(({ head }) => `${head}:`)], tiers),
          ...(said.length === 0 ? [] : [said.join('\n')]),
        ]),
  ]
}

function footer(run: Run): string {
  const { k6, cpuCores, cpuCoresAvailable } = run.generator
  return `<sub>${escapeMarkdown(
    [
      run.id,
      instant(run.startedAt),
      `${run.arrivals} arrivals, seed ${run.seed}, cache ${run.cache}`,
      `generator k6 ${k6} on ${figure(cpuCores)} of ${figure(cpuCoresAvailable)} CPU cores`,
      sentLate(run.generator),
    ].join(' · '),
  )}</sub>`
}

/** A heading that ends with a colon is a column of figures, aligned to the right. */
export function markdownTable(heads: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`
  return [
    line(heads.map((head) => head.replace(/:$/, ''))),
    line(heads.map((head) => (head.endsWith(':') ? '---:' : '---'))),
    ...rows.map((row) => line(row.map((cell) => (cell === '**broken**' ? cell : escapeMarkdown(cell))))),
  ].join('\n')
}
