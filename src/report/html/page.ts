/**
 * A run as one page that needs nothing else: no request leaves it, plots are drawn into it, and it can be
 * printed, sent by mail and opened in ten years.
 */
import type { Recording } from '../../recording/files.ts'
import type { Run, SloResult } from '../../recording/run.ts'
import { escapeMarkup } from '../escape.ts'
import { bytes, duration, figure, instant, rate, share } from '../format.ts'
import {
  failedShare,
  rehearsal,
  sentLate,
  runTitle,
  sloFigures,
  sloState,
  stepInFocus,
  verdictSentence,
  verdictWords,
} from '../run-words.ts'
import { definitions, htmlTable, tiles } from './parts.ts'
import { script, scriptHash } from './script.ts'
import { stageSection } from './stage.ts'
import { style } from './style.ts'

export function renderHtml(recording: Recording): string {
  const { run } = recording
  const title = `${run.stack.name}: ${runTitle(run)}`
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'sha256-${scriptHash}'">
<meta name="referrer" content="no-referrer">
<link rel="icon" href="data:,">
<title>${escapeMarkup(`${verdictWords[run.verdict].word} · ${title}`)}</title>
<style>${style}</style>
</head>
<body>
${run.emulated ? `<div class="rehearsal" role="note">${escapeMarkup(rehearsal)}</div>` : ''}
<header>
<p class="eyebrow">${escapeMarkup(`${run.id} · ${instant(run.startedAt)}`)}</p>
<h1>${escapeMarkup(title)}</h1>
${verdictBlock(run)}
${keyFigures(run)}
</header>
<main>
${sloSection(run)}
${run.stages.map((stage) => stageSection(recording, stage)).join('\n')}
${methodSection(run)}
</main>
<footer>${escapeMarkup(`${run.emulated ? 'Rehearsal on emulated replicas. ' : ''}Made by ragscale ${run.environment.ragscale} from ${run.id}.`)}</footer>
<div id="tip" role="status"></div>
<script>${script}</script>
</body>
</html>
`
}

function verdictBlock(run: Run): string {
  const sentence = verdictSentence(run)
  const reasons = run.verdictBecause.map((reason) => `<li>${escapeMarkup(reason)}</li>`)
  return `<div class="verdict ${run.verdict}"><strong>${verdictWords[run.verdict].word}</strong>${escapeMarkup(`${sentence.charAt(0).toUpperCase()}${sentence.slice(1)}.`)}${reasons.length === 0 ? '' : `<ul>${reasons.join('')}</ul>`}</div>`
}

/** Of the first stage's step that the verdict rests on: what is quoted in a meeting. */
function keyFigures(run: Run): string {
  const step = run.stages.map((stage) => stepInFocus(run, stage)).find((one) => one !== undefined)
  if (step === undefined) return ''
  const summary = step.metrics['latency']
  const isSearch = run.scenario === 'sweep' || run.scenario === 'breakpoint'
  const ttft = step.metrics['rag_ttft'] ?? step.metrics['ttft']
  return tiles([
    {
      value: rate(step.offered),
      label: `${isSearch && run.verdict === 'pass' && run.slo.length > 0 ? 'highest rate within every SLO' : 'offered'} (${step.stage} ${step.id})`,
    },
    { value: duration(summary?.p50), label: 'p50 latency' },
    {
      value: duration(summary?.p99 ?? summary?.p95),
      label: summary?.p99 === null ? 'p95 latency' : 'p99 latency',
    },
    ...(ttft === undefined ? [] : [{ value: duration(ttft.p95), label: 'p95 time to first token' }]),
    { value: share(failedShare(step)), label: 'errors' },
    { value: rate(step.goodput), label: 'goodput' },
    ...(step.recallAtK === null ? [] : [{ value: figure(step.recallAtK), label: 'recall@k' }]),
  ])
}

const stateClass = { met: 'ok', broken: 'broken', 'in doubt': 'doubt' } as const

function sloSection(run: Run): string {
  if (run.slo.length === 0) return ''
  return `<section><h2>Service level objectives</h2>
${htmlTable<SloResult>(
  'A failed request counts as infinitely late.',
  [
    { head: 'SLO', cell: (row) => row.on },
    { head: 'limit', kind: 'number', cell: (row) => sloFigures(row).limit },
    { head: 'measured', kind: 'number', cell: (row) => sloFigures(row).actual },
    { head: 'step', cell: (row) => row.step ?? '–' },
    { head: '', cell: (row) => sloState(run, row), className: (row) => stateClass[sloState(run, row)] },
  ],
  run.slo,
)}
</section>`
}

function methodSection(run: Run): string {
  const { environment, generator } = run
  return `<section><h2>How it was measured</h2>
<p>Requests are sent at scheduled instants whether or not earlier ones were answered, and latency runs from the scheduled instant to the last byte. Percentiles are nearest-rank of merged histograms of what succeeded, to 0.1&#8239;%; failures are counted beside them. A step is saturated when the system could not keep up, and not to be believed when the generator or the machine could not.</p>
${definitions([
  ['Run', run.id],
  ['Started, ended', `${instant(run.startedAt)}, ${instant(run.endedAt)}`],
  ['Scenario', `${runTitle(run)}, ${run.arrivals} arrivals, seed ${run.seed}, cache ${run.cache}`],
  ['Stack', `${run.stack.name}, hash ${environment.stackHash}`],
  ['Counts', countsOf(run)],
  [
    'What ran',
    Object.entries(environment.versions)
      .map(([tier, version]) => `${tier}: ${version}`)
      .join(', ') || 'not known',
  ],
  [
    'Generator',
    `k6 ${generator.k6}, ${figure(generator.cpuCores)} of ${figure(generator.cpuCoresAvailable)} CPU cores, ${bytes(generator.rssBytes)}`,
  ],
  ['Lateness', sentLate(generator)],
  [
    'Machine',
    `${environment.cpuModel}, ${environment.cpuCores} cores, ${bytes(environment.memoryBytes)}, ${environment.platform}, kernel ${environment.kernel}`,
  ],
  ['Software', `ragscale ${environment.ragscale}, Node ${environment.node}`],
])}
</section>`
}

function countsOf(run: Run): string {
  const { vector, ...others } = run.stack.tiers
  const parts = Object.entries(others).map(
    ([tier, { component, replicas, gpu }]) =>
      `${tier}: ${replicas} × ${component}${gpu === undefined ? '' : ` on ${gpu}`}`,
  )
  if (vector !== undefined) {
    const { shards, replication } = vector.collection
    parts.push(`vector: ${vector.nodes} × ${vector.component}, ${shards} shards, replication ${replication}`)
  }
  const endpoints = Object.entries(run.stack.endpoints).map(([name, endpoint]) => `${name}: ${endpoint.url}`)
  return [...parts, ...endpoints].join('; ') || 'none'
}
