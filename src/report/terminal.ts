/** A run for a terminal. */
import type { Run, RunStep, Verdict } from '../recording/run.ts'
import { bytes, figure, instant, rate, share } from './format.ts'
import type { Palette, TerminalStyle } from './palette.ts'
import { fit, plain, wrap } from './plain-text.ts'
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
import { table, type Column } from './table.ts'
import { saidByTiers, useColumns } from './tier-use.ts'

/** Ends with a newline; every line is at most `columns` wide. */
export function renderRun(run: Run, style: TerminalStyle): string {
  const blocks = [
    heading(run, style),
    verdict(run, style),
    sloTable(run, style),
    ...run.stages.map((stage) => stageBlock(run, stage, style)),
    generator(run, style),
  ]
  return `${blocks
    .filter((lines) => lines.length > 0)
    .map((lines) => lines.join('\n'))
    .join('\n\n')}\n`
}

function heading(run: Run, { columns, palette }: TerminalStyle): string[] {
  const facts = [
    plain(run.id),
    instant(run.startedAt),
    `${run.arrivals} arrivals`,
    `seed ${run.seed}`,
    `cache ${run.cache}`,
  ].join(' · ')
  return [
    ...wrap(`${plain(run.stack.name)}: ${plain(runTitle(run))}`, columns).map(palette.bold),
    ...wrap(plain(facts), columns).map(palette.dim),
    ...(run.emulated ? wrap(rehearsal, columns).map(palette.yellow) : []),
  ]
}

export function paintVerdict(verdict: Verdict, palette: Palette): (text: string) => string {
  if (verdict === 'pass') return palette.green
  return verdict === 'fail' ? palette.red : palette.yellow
}

function verdict(run: Run, { columns, palette }: TerminalStyle): string[] {
  const paint = paintVerdict(run.verdict, palette)
  const [first = '', ...rest] = wrap(`${verdictWords[run.verdict].word}: ${verdictSentence(run)}`, columns)
  return [
    palette.bold(paint(first)),
    ...rest.map(paint),
    ...run.verdictBecause.flatMap((reason) => wrap(`- ${plain(reason)}`, columns, '  ')),
  ]
}

function sloTable(run: Run, style: TerminalStyle): string[] {
  if (run.slo.length === 0) return []
  const { palette } = style
  return table(
    [
      { head: 'SLO', cell: (row) => row.on },
      { head: 'limit', align: 'right', cell: (row) => sloFigures(row).limit },
      { head: 'measured', align: 'right', cell: (row) => sloFigures(row).actual },
      { head: 'step', cell: (row) => row.step ?? '–', priority: 1 },
      {
        head: '',
        cell: (row) => sloState(run, row),
        paint: (text, row) => statePaint(sloState(run, row), palette)(text),
      },
    ],
    run.slo,
    style,
  )
}

function statePaint(state: ReturnType<typeof sloState>, palette: Palette): (text: string) => string {
  if (state === 'met') return palette.green
  return state === 'broken' ? palette.red : palette.yellow
}

function stageBlock(run: Run, stage: string, style: TerminalStyle): string[] {
  const steps = run.steps.filter((step) => step.stage === stage)
  const { columns, palette } = style
  const title = palette.bold(plain(stage))
  if (steps.length === 0) return [title, 'no step was measured']
  const notes = steps.flatMap((step) =>
    [...stepNotes(step), ...(step.failed === 0 ? [] : [`failed: ${errorList(step.errors)}`])].flatMap(
      (note) => wrap(`${plain(step.id)} ${plain(note)}`, columns, '   '),
    ),
  )
  return [
    `${title} ${palette.dim('(latency in ms, rates a second)')}`,
    ...table(stepColumns(palette), steps, style),
    ...notes.map((note) => palette.yellow(note)),
    ...tokens(steps, style),
    ...focus(run, stage, style),
  ]
}

function stepColumns(palette: Palette): Column<RunStep>[] {
  const latency = (pick: (metric: RunStep['metrics'][string]) => number | null) => (step: RunStep) => {
    const metric = step.metrics['latency']
    return metric === undefined ? '–' : figure(pick(metric))
  }
  const right = { align: 'right' } as const
  return [
    { head: 'step', cell: (step) => step.id },
    { ...right, head: 'offered', cell: (step) => figure(step.offered) },
    { ...right, head: 'achieved', cell: (step) => figure(step.achieved), priority: 2 },
    { ...right, head: 'completed', cell: (step) => figure(step.completed), priority: 1 },
    { ...right, head: 'p50', cell: latency((metric) => metric.p50) },
    { ...right, head: 'p90', cell: latency((metric) => metric.p90), priority: 7 },
    { ...right, head: 'p95', cell: latency((metric) => metric.p95) },
    { ...right, head: 'p99', cell: latency((metric) => metric.p99) },
    { ...right, head: 'p99.9', cell: latency((metric) => metric.p999), priority: 6 },
    { ...right, head: 'max', cell: latency((metric) => metric.max), priority: 8 },
    {
      ...right,
      head: 'errors',
      cell: (step) => share(failedShare(step)),
      paint: (text, step) => (step.failed > 0 ? palette.red(text) : text),
    },
    { ...right, head: 'goodput', cell: (step) => figure(step.goodput), priority: 3 },
    { ...right, head: 'recall@k', cell: (step) => figure(step.recallAtK), priority: 1 },
    {
      head: '',
      cell: (step) => stepFlags(step).join(', '),
      priority: 4,
      paint: (text, step) => (step.valid ? palette.yellow(text) : palette.red(text)),
    },
  ]
}

/** Streaming's own metrics, where there are any. */
function tokens(steps: readonly RunStep[], style: TerminalStyle): string[] {
  const rows = steps.flatMap((step) =>
    ['rag_ttft', 'ttft', 'ttfo', 'tpot', 'itl_gap'].flatMap((metric) => {
      const summary = step.metrics[metric]
      return summary === undefined ? [] : [{ step: step.id, metric, summary }]
    }),
  )
  if (rows.length === 0) return []
  const right = { align: 'right' } as const
  return [
    '',
    ...table(
      [
        { head: 'step', cell: (row) => row.step },
        { head: 'metric (ms)', cell: (row) => row.metric },
        { ...right, head: 'count', cell: (row) => figure(row.summary.count), priority: 1 },
        { ...right, head: 'p50', cell: (row) => figure(row.summary.p50) },
        { ...right, head: 'p95', cell: (row) => figure(row.summary.p95) },
        { ...right, head: 'p99', cell: (row) => figure(row.summary.p99) },
        { ...right, head: 'max', cell: (row) => figure(row.summary.max), priority: 2 },
      ],
      rows,
      style,
    ),
  ]
}

/** One step in detail: where a query's time goes, and what each tier used. */
function focus(run: Run, stage: string, style: TerminalStyle): string[] {
  const step = stepInFocus(run, stage)
  if (step === undefined) return []
  const title = (what: string): string =>
    style.palette.dim(fit(`${what} in ${plain(step.id)}, at ${rate(step.offered)}`, style.columns))
  const right = { align: 'right' } as const
  const spans = spanNames.flatMap((name) => {
    const summary = step.metrics[name]
    return stage !== 'pipeline' || summary === undefined ? [] : [{ name, summary }]
  })
  const tiers = Object.entries(step.tiers)
  return [
    ...(spans.length === 0
      ? []
      : [
          '',
          title('where the time goes (ms)'),
          ...table(
            [
              { head: 'stage', cell: (row) => row.name },
              { ...right, head: 'p50', cell: (row) => figure(row.summary.p50) },
              { ...right, head: 'p95', cell: (row) => figure(row.summary.p95) },
              { ...right, head: 'p99', cell: (row) => figure(row.summary.p99) },
              { ...right, head: 'mean', cell: (row) => figure(row.summary.mean), priority: 1 },
              { ...right, head: 'max', cell: (row) => figure(row.summary.max), priority: 2 },
            ],
            spans,
            style,
          ),
        ]),
    ...(tiers.length === 0
      ? []
      : [
          '',
          title('resources'),
          ...table(
            [
              { head: 'tier', cell: ([tier]) => tier },
              ...useColumns(step.tiers).map((column) => ({
                ...right,
                ...column,
                cell: ([, use]: (typeof tiers)[number]) => column.cell(use),
              })),
            ],
            tiers,
            style,
          ),
          ...saidByTiers(step.tiers).flatMap(({ tier, words }) =>
            wrap(`${plain(tier)}: ${words.join(' · ')}`, style.columns).map(style.palette.dim),
          ),
        ]),
  ]
}

function generator(run: Run, { columns, palette }: TerminalStyle): string[] {
  const { k6, cpuCores, cpuCoresAvailable, rssBytes } = run.generator
  const text = [
    `generator: ${k6 === 'unknown' ? 'k6 of unknown version' : `k6 ${k6}`}`,
    `${figure(cpuCores)} of ${figure(cpuCoresAvailable)} CPU cores`,
    bytes(rssBytes),
    sentLate(run.generator),
  ].join(' · ')
  return wrap(plain(text), columns).map(palette.dim)
}
