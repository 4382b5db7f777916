/** Two runs side by side, for a terminal and as Markdown. */
import type { ComparedRow, Comparison, RowVerdict } from '../recording/compare.ts'
import { escapeMarkdown } from './escape.ts'
import { change, duration, figure, rate, share } from './format.ts'
import { markdownTable } from './markdown.ts'
import type { Palette, TerminalStyle } from './palette.ts'
import { plain, wrap } from './plain-text.ts'
import { table } from './table.ts'

const sentences: Readonly<Record<Comparison['verdict'], string>> = {
  regression: 'REGRESSION: something got worse by more than noise explains',
  unclear: 'UNCLEAR: the runs are too noisy, or too short, to tell',
  'no regression': 'NO REGRESSION: nothing got worse by more than noise explains',
}

/** Ends with a newline; every line is at most `columns` wide. */
export function renderComparison(comparison: Comparison, style: TerminalStyle): string {
  const { columns, palette } = style
  const paint = { regression: palette.red, unclear: palette.yellow, 'no regression': palette.green }[
    comparison.verdict
  ]
  const right = { align: 'right' } as const
  const blocks = [
    [
      ...wrap(sentences[comparison.verdict], columns).map((line) => palette.bold(paint(line))),
      ...wrap(plain(basis(comparison)), columns).map(palette.dim),
    ],
    comparison.differences.flatMap(({ what, baseline, run }) =>
      wrap(plain(`${what} differs: ${baseline} → ${run}`), columns, '  ').map(palette.yellow),
    ),
    table(
      [
        { head: 'stage', cell: (row) => row.stage },
        { ...right, head: 'rate', cell: (row) => rate(row.rate) },
        { head: 'metric', cell: (row) => row.metric },
        { ...right, head: 'baseline', cell: (row) => valueText(row, row.baseline) },
        { ...right, head: 'run', cell: (row) => valueText(row, row.run) },
        { ...right, head: 'change', cell: changeText },
        { ...right, head: '95 % interval', cell: intervalText, priority: 1 },
        { head: '', cell: (row) => row.verdict, paint: (text, row) => paintRow(row.verdict, palette)(text) },
      ],
      comparison.rows,
      style,
    ),
    comparison.left.flatMap((left) => wrap(`- ${plain(left)}`, columns, '  ').map(palette.dim)),
  ]
  return `${blocks
    .filter((lines) => lines.length > 0)
    .map((lines) => lines.join('\n'))
    .join('\n\n')}\n`
}

export function renderComparisonMarkdown(comparison: Comparison): string {
  const blocks = [
    `## ${escapeMarkdown(sentences[comparison.verdict])}`,
    escapeMarkdown(basis(comparison)),
    comparison.differences
      .map(({ what, baseline, run }) => `- ${escapeMarkdown(`${what} differs: ${baseline} → ${run}`)}`)
      .join('\n'),
    markdownTable(
      ['stage', 'rate:', 'metric', 'baseline:', 'run:', 'change:', '95 % interval:', ''],
      comparison.rows.map((row) => [
        row.stage,
        rate(row.rate),
        row.metric,
        valueText(row, row.baseline),
        valueText(row, row.run),
        changeText(row),
        intervalText(row),
        row.verdict,
      ]),
    ),
    comparison.left.map((left) => `- ${escapeMarkdown(left)}`).join('\n'),
  ]
  return `${blocks.filter((block) => block !== '').join('\n\n')}\n`
}

function basis({ baseline, run, tolerance, rows }: Comparison): string {
  const unclear = rows.filter((row) => row.verdict === 'unclear').length
  const noise = unclear === 0 ? '' : `; ${unclear} of ${rows.length} figures are too noisy to say more of`
  return `${run} against ${baseline}; changes below ${figure(tolerance * 100)} % of a latency do not count${noise}`
}

function valueText({ unit }: ComparedRow, value: number): string {
  return unit === 'ratio' ? share(value) : duration(value)
}

/** Of a share in percentage points, of a latency relative to the baseline. */
function changeText(row: ComparedRow): string {
  return amount(row, row.change)
}

function intervalText(row: ComparedRow): string {
  const [low, high] = row.interval
  return `${low === null ? 'unbounded' : amount(row, low)} to ${high === null ? 'unbounded' : amount(row, high)}`
}

function amount({ unit }: ComparedRow, value: number): string {
  return unit === 'ratio' ? change(value).replace('%', 'pp') : change(value)
}

function paintRow(verdict: RowVerdict, palette: Palette): (text: string) => string {
  if (verdict === 'regression') return palette.red
  if (verdict === 'improvement') return palette.green
  return verdict === 'unclear' ? palette.yellow : palette.dim
}
