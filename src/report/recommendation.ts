/** A recommendation for a terminal. */
import type { Recommendation, TierRecommendation } from '../capacity/types.ts'
import { ExitCode, UserError } from '../errors.ts'
import { duration, figure, rate, share } from './format.ts'
import type { Palette, TerminalStyle } from './palette.ts'
import { plain, wrap } from './plain-text.ts'
import {
  answer,
  basis,
  costText,
  countsText,
  hasCost,
  memoryText,
  remarks,
  sloPrediction,
  tierRows,
  verified,
  verifiedSentence,
} from './recommendation-words.ts'
import { table } from './table.ts'

/** Ends with a newline; every line is at most `columns` wide. */
export function renderRecommendation(recommendation: Recommendation, style: TerminalStyle): string {
  const { columns, palette } = style
  const blocks = [
    [...headline(recommendation, style), ...wrap(plain(basis(recommendation)), columns).map(palette.dim)],
    bottleneck(recommendation, style),
    tierTable(recommendation, style),
    sloTable(recommendation, style),
    predictedTable(recommendation, style),
    hasCost(recommendation) ? wrap(`cost: ${plain(costText(recommendation))}`, columns) : [],
    remarks(recommendation).flatMap((remark) =>
      wrap(`- ${plain(remark)}`, columns, '  ').map(palette.yellow),
    ),
    verification(recommendation, style),
  ]
  return joined(blocks)
}

/**
 * Everything behind the count of one tier.
 * @throws {UserError} exit 2 for a tier that the recommendation does not speak of
 */
export function renderExplanation(
  recommendation: Recommendation,
  tier: string,
  style: TerminalStyle,
): string {
  const found = tierRows(recommendation).find(([name]) => name === tier)
  if (found === undefined) {
    throw new UserError(`nothing is recommended for a tier named ${plain(tier)}`, {
      hint: `It speaks of ${tierRows(recommendation)
        .map(([name]) => name)
        .join(', ')}.`,
      exitCode: ExitCode.usage,
      code: 'tier-unknown',
    })
  }
  const { columns, palette } = style
  const [name, one] = found
  const memory = memoryText(one.then)
  const facts: [string, string][] = [
    ['now', countsText(one.now)],
    ['then', countsText(one.then)],
    ...(memory === null ? [] : [['memory', memory] satisfies [string, string]]),
    [
      'capacity a replica',
      `${rate(one.capacityPerReplica)} (95 %: ${rate(one.capacityBand[0])} to ${rate(one.capacityBand[1])})`,
    ],
    ['knee a replica', one.kneePerReplica === null ? 'not reached by any sweep' : rate(one.kneePerReplica)],
    ['visits a query', figure(one.visits)],
    ['utilization', share(one.utilization)],
    ['bound by', one.boundBy],
    ['confidence', one.confidence],
    ['model', one.model],
  ]
  const predicted = Object.entries(recommendation.predicted.tiers).find(([other]) => other === name)?.[1]
  return joined([
    [palette.bold(plain(name))],
    table(
      [
        { head: '', cell: ([label]) => label },
        { head: '', cell: ([, value]) => value },
      ],
      facts,
      style,
    ).slice(1),
    predicted === undefined
      ? []
      : wrap(
          `predicted at ${rate(recommendation.for.rate * recommendation.for.growth)}: p50 ${duration(predicted.p50)}, p95 ${duration(predicted.p95)}, p99 ${duration(predicted.p99)} (95 %: ${duration(predicted.p99Band[0])} to ${duration(predicted.p99Band[1])})`,
          columns,
        ),
    one.because.flatMap((reason) => wrap(`- ${plain(reason)}`, columns, '  ')),
  ])
}

function joined(blocks: readonly (readonly string[])[]): string {
  return `${blocks
    .filter((lines) => lines.length > 0)
    .map((lines) => lines.join('\n'))
    .join('\n\n')}\n`
}

function headline(recommendation: Recommendation, { columns, palette }: TerminalStyle): string[] {
  const { word, sentence } = answer(recommendation)
  const paint = recommendation.sufficient
    ? palette.green
    : recommendation.feasible
      ? palette.yellow
      : palette.red
  return wrap(`${word}: ${sentence}`, columns).map((line) => palette.bold(paint(line)))
}

function bottleneck(
  { bottleneck: { tier, capacity, because } }: Recommendation,
  { columns }: TerminalStyle,
): string[] {
  return wrap(
    `bottleneck: ${plain(tier)} holds ${figure(capacity)} queries a second today. ${plain(because)}`,
    columns,
  )
}

function tierTable(recommendation: Recommendation, style: TerminalStyle): string[] {
  const { palette } = style
  const right = { align: 'right' } as const
  const differs = (one: TierRecommendation): boolean => countsText(one.now) !== countsText(one.then)
  return table(
    [
      { head: 'tier', cell: ([tier]) => tier },
      { head: 'now', cell: ([, one]) => countsText(one.now) },
      {
        head: 'then',
        cell: ([, one]) => countsText(one.then),
        paint: (text, [, one]) => (differs(one) ? palette.bold(palette.cyan(text)) : text),
      },
      { ...right, head: 'a replica', cell: ([, one]) => rate(one.capacityPerReplica), priority: 2 },
      { ...right, head: 'used', cell: ([, one]) => share(one.utilization), priority: 1 },
      { head: 'bound by', cell: ([, one]) => one.boundBy, priority: 3 },
      {
        head: 'confidence',
        cell: ([, one]) => one.confidence,
        priority: 1,
        paint: (text, [, one]) => confidencePaint(one, palette)(text),
      },
    ],
    tierRows(recommendation),
    style,
  )
}

function confidencePaint({ confidence }: TierRecommendation, palette: Palette): (text: string) => string {
  if (confidence === 'high') return palette.green
  return confidence === 'medium' ? palette.yellow : palette.red
}

function sloTable(recommendation: Recommendation, style: TerminalStyle): string[] {
  if (recommendation.slo.length === 0) return []
  const { palette } = style
  const right = { align: 'right' } as const
  return table(
    [
      { head: 'SLO', cell: (row) => row.on },
      { ...right, head: 'limit', cell: (row) => sloPrediction(row).limit },
      { ...right, head: 'predicted', cell: (row) => sloPrediction(row).predicted },
      { ...right, head: '95 % band', cell: (row) => sloPrediction(row).band, priority: 1 },
      {
        head: '',
        cell: (row) => sloPrediction(row).state,
        paint: (text, row) =>
          row.ok === null ? palette.yellow(text) : row.ok ? palette.green(text) : palette.red(text),
      },
    ],
    recommendation.slo,
    style,
  )
}

function predictedTable({ predicted }: Recommendation, style: TerminalStyle): string[] {
  const rows = [
    { name: 'latency', metric: predicted.latency },
    ...(predicted.ttft === null ? [] : [{ name: 'ttft', metric: predicted.ttft }]),
    ...Object.entries(predicted.tiers).map(([tier, metric]) => ({ name: tier, metric })),
  ]
  const right = { align: 'right' } as const
  return table(
    [
      { head: 'predicted', cell: (row) => row.name },
      { ...right, head: 'p50', cell: (row) => duration(row.metric.p50) },
      { ...right, head: 'p95', cell: (row) => duration(row.metric.p95) },
      { ...right, head: 'p99', cell: (row) => duration(row.metric.p99) },
      {
        ...right,
        head: 'p99, 95 % band',
        cell: (row) => row.metric.p99Band.map(duration).join(' to '),
        priority: 1,
      },
    ],
    rows,
    style,
  )
}

function verification(recommendation: Recommendation, style: TerminalStyle): string[] {
  const found = verified(recommendation)
  if (found === null) return []
  const { columns, palette } = style
  const paint = found.ok === true ? palette.green : found.ok === false ? palette.red : palette.yellow
  const right = { align: 'right' } as const
  return [
    ...wrap(plain(verifiedSentence(found)), columns).map(paint),
    ...found.because.flatMap((reason) => wrap(`- ${plain(reason)}`, columns, '  ')),
    ...(found.metrics.length === 0
      ? []
      : table(
          [
            { head: '', cell: (row) => row.on },
            { ...right, head: 'predicted', cell: (row) => duration(row.predictedMs) },
            {
              ...right,
              head: '95 % band',
              cell: (row) => (row.bandMs === null ? '–' : row.bandMs.map(duration).join(' to ')),
              priority: 1,
            },
            { ...right, head: 'measured', cell: (row) => duration(row.measuredMs) },
          ],
          found.metrics,
          style,
        )),
  ]
}
