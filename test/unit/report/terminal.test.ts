import fc from 'fast-check'
import stringWidth from 'string-width'
import { describe, expect, it } from 'vitest'
import { compareRuns } from '../../../src/recording/compare.ts'
import { renderComparison, renderComparisonMarkdown } from '../../../src/report/comparison.ts'
import { noColors, type Palette } from '../../../src/report/palette.ts'
import { fit, plain, wrap } from '../../../src/report/plain-text.ts'
import { renderExplanation, renderRecommendation } from '../../../src/report/recommendation.ts'
import { renderRunList } from '../../../src/report/run-list.ts'
import { table } from '../../../src/report/table.ts'
import { renderRun } from '../../../src/report/terminal.ts'
import { brokenPipeline, embedSweep } from '../../golden/report/recordings.ts'
import { anyRun, hostile } from './random-run.ts'
import { recommendation } from './recommendation-fixture.ts'

const columns = fc.integer({ min: 40, max: 200 })
const style = (width: number) => ({ columns: width, palette: noColors })

function expectFits(text: string, width: number): void {
  for (const line of text.split('\n'))
    expect(stringWidth(line), JSON.stringify(line)).toBeLessThanOrEqual(width)
  expect(text.replaceAll('\n', '')).not.toMatch(/\p{Cc}/u)
}

describe('a run in a terminal', () => {
  it('is never wider than the terminal and never steers it, whatever the run holds', () => {
    fc.assert(
      fc.property(anyRun, columns, (run, width) => expectFits(renderRun(run, style(width)), width)),
      { numRuns: 150 },
    )
  })

  it('fits 80 columns and shows more in 200', () => {
    const { run } = embedSweep()
    const [narrow, wide] = [renderRun(run, style(80)), renderRun(run, style(200))]
    expectFits(narrow, 80)
    expect(narrow).not.toContain('p90')
    expect(wide).toContain('p90')
  })

  it('calls a rehearsal one, and a measurement none', () => {
    const { run } = embedSweep()
    expect(renderRun(run, style(80))).toContain('Rehearsal')
    expect(renderRun({ ...run, emulated: false }, style(80))).not.toContain('Rehearsal')
  })

  it('says why a step may not be believed', () => {
    expect(renderRun(brokenPipeline().run, style(200))).toContain(
      's3 invalid: the generator sent requests late',
    )
  })

  it('colours with the palette that it is given, and its columns stay aligned', () => {
    const painted = (text: string): string => `\u001b[31m${text}\u001b[39m`
    const colors: Palette = {
      bold: painted,
      dim: painted,
      red: painted,
      green: painted,
      yellow: painted,
      cyan: painted,
    }
    const { run } = embedSweep()
    const colored = renderRun(run, { columns: 80, palette: colors })
    expect(colored.replace(/\p{Cc}\[\d+m/gu, '')).toBe(renderRun(run, style(80)))
    expect(colored).toContain('\u001b[31m')
  })
})

describe('a recommendation in a terminal', () => {
  it('fits any terminal', () => {
    fc.assert(
      fc.property(columns, hostile, (width, note) => {
        expectFits(renderRecommendation({ ...recommendation, notes: [note] }, style(width)), width)
        expectFits(renderExplanation(recommendation, 'embed', style(width)), width)
      }),
    )
  })

  it('answers the question first', () => {
    const first = (over: object) =>
      renderRecommendation({ ...recommendation, ...over }, style(80)).split('\n')[0]
    expect(first({})).toBe("NOT ENOUGH: today's counts do not hold 300/s; the counts below do")
    expect(first({ sufficient: true })).toBe("ENOUGH: today's counts hold 300/s")
    expect(first({ feasible: false })).toBe('NOT FEASIBLE: no counts within the limits hold 300/s')
  })

  it('refuses to explain a tier that it does not speak of, and names those it does', () => {
    expect(() => renderExplanation(recommendation, 'embedd', style(80))).toThrow(
      expect.objectContaining({ exitCode: 2, hint: 'It speaks of embed, vector.' }),
    )
  })
})

it('a comparison fits any terminal', () => {
  const a = embedSweep()
  const result = compareRuns(a, { ...a, run: { ...a.run, id: 'b', seed: 2 } }, () => 0.5)
  for (const width of [40, 80, 200]) expectFits(renderComparison(result, style(width)), width)
  expect(renderComparison(result, style(80))).toContain('the seed differs: 1 → 2')
  expect(renderComparisonMarkdown(result)).toContain('| embed | 30/s | latency.p50 |')
})

it('a list of runs fits any terminal and says what to do when it is empty', () => {
  fc.assert(
    fc.property(columns, hostile, (width, id) => {
      const listed = {
        id,
        folder: '/runs/a',
        startedAt: null,
        scenario: null,
        stages: [],
        target: null,
        emulated: null,
        verdict: 'incomplete',
        offered: null,
        note: id,
      } as const
      expectFits(renderRunList([listed], style(width)), width)
    }),
  )
  expect(renderRunList([], style(80))).toContain('ragscale loadtest')
})

describe('text', () => {
  it('wraps to the width without losing a word', () => {
    fc.assert(
      fc.property(fc.string(), fc.integer({ min: 4, max: 60 }), (raw, width) => {
        const text = plain(raw).replace(/ +/g, ' ')
        const lines = wrap(text, width)
        for (const line of lines) expect(stringWidth(line)).toBeLessThanOrEqual(width)
        expect(lines.join('').replaceAll(' ', '')).toBe(text.replaceAll(' ', ''))
      }),
    )
  })

  it('is cut with a mark where something was lost', () => {
    expect(fit('capacity', 8)).toBe('capacity')
    expect(fit('capacity', 5)).toBe('capa…')
    expect(stringWidth(fit('漢字漢字', 4))).toBeLessThanOrEqual(4)
  })
})

it('a table leaves out the columns that matter least when there is no room, and those that are empty', () => {
  const rows = [{ a: 'one', b: 'two', c: 'three', d: '' }]
  const columnsOf = [
    { head: 'a', cell: (row: (typeof rows)[0]) => row.a },
    { head: 'b', cell: (row: (typeof rows)[0]) => row.b, priority: 2 },
    { head: 'c', cell: (row: (typeof rows)[0]) => row.c, priority: 1 },
    { head: 'd', cell: (row: (typeof rows)[0]) => row.d, priority: 3 },
  ]
  expect(table(columnsOf, rows, style(80))[1]).toBe('one  two  three')
  expect(table(columnsOf, rows, style(12))[1]).toBe('one  three')
  expect(table(columnsOf, rows, style(5))[1]).toBe('one')
  expect(table(columnsOf, rows, style(2))[1]).toBe('o…')
})
