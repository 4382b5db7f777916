import { createHash } from 'node:crypto'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { renderHtml } from '../../../src/report/html/page.ts'
import { script, scriptHash } from '../../../src/report/html/script.ts'
import { renderJunit } from '../../../src/report/junit.ts'
import { renderMarkdown } from '../../../src/report/markdown.ts'
import { renderRecommendationMarkdown } from '../../../src/report/recommendation-markdown.ts'
import { brokenPipeline, embedSweep } from '../../golden/report/recordings.ts'
import { anyRecording, anyRun, hostile } from './random-run.ts'
import { recommendation } from './recommendation-fixture.ts'

/** Checks that tags nest and that text holds no bare `<` or `&`; returns the names of all elements. */
function elementsOf(markup: string, voids: ReadonlySet<string>): string[] {
  const open: string[] = []
  const seen: string[] = []
  const text = markup
    .replace(/<(style|script)>[\s\S]*?<\/\1>/g, '<$1></$1>')
    .replace(/<\?xml[^>]*\?>|<!doctype[^>]*>/g, '')
  for (const [tag, end, name = '', attributes = '', self] of text.matchAll(
    /<(\/?)([a-zA-Z][\w-]*)((?:\s+[\w-]+(?:="[^"<]*")?)*)\s*(\/?)>/g,
  )) {
    if (end === '/') expect(open.pop(), tag).toBe(name)
    else if (self !== '/' && !voids.has(name)) open.push(name)
    if (end !== '/') seen.push(name)
    expect(attributes.replace(/="[^"]*"/g, '')).not.toMatch(/\son\w+/i)
  }
  expect(open).toEqual([])
  const between = text.replace(/<\/?[a-zA-Z][\w-]*(?:\s+[\w-]+(?:="[^"<]*")?)*\s*\/?>/g, '')
  expect(between).not.toContain('<')
  expect(between.replace(/&(amp|lt|gt|quot|#39|#8239);/g, '')).not.toContain('&')
  return seen
}

const htmlVoids = new Set(['meta', 'link', 'br'])

describe('report.html', () => {
  it('never throws and is well-formed, whatever the run holds, and gains no script, image or form by it', () => {
    fc.assert(
      fc.property(anyRecording, (recording) => {
        const elements = elementsOf(renderHtml(recording), htmlVoids)
        expect(elements.filter((name) => name === 'script')).toHaveLength(1)
        expect(elements.filter((name) => ['img', 'iframe', 'form', 'a', 'object'].includes(name))).toEqual([])
      }),
      { numRuns: 60 },
    )
  })

  it.each([embedSweep, brokenPipeline])('asks for nothing from anywhere: %O', (recording) => {
    const page = renderHtml(recording())
    expect(page.match(/\b(?:src|href|action|xlink:href)="(?!data:,)[^"]*"/g)).toBeNull()
    expect(page).not.toMatch(/url\(|@import|fetch\(|XMLHttpRequest|\/\/[a-z]+\.[a-z]+\//)
  })

  it('allows its one script by its hash, and no other', () => {
    expect(createHash('sha256').update(script).digest('base64')).toBe(scriptHash)
    expect(renderHtml(embedSweep())).toContain(
      `default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'sha256-${scriptHash}'`,
    )
  })

  it('holds no number that is none', () => {
    fc.assert(
      fc.property(anyRecording, (recording) => {
        expect(
          renderHtml(recording)
            .replace(/<title>[\s\S]*?<\/title>/, '')
            .match(/="[^"]*(NaN|Infinity|undefined)[^"]*"/),
        ).toBeNull()
      }),
      { numRuns: 60 },
    )
  })

  it('says that it is a rehearsal on the first line of the page, in the method and at its foot', () => {
    const page = renderHtml(embedSweep())
    expect(page.indexOf('Rehearsal')).toBeLessThan(page.indexOf('<h1>'))
    expect(page.slice(page.indexOf('<footer>'))).toContain('Rehearsal')
    const recording = embedSweep()
    expect(renderHtml({ ...recording, run: { ...recording.run, emulated: false } })).not.toContain(
      'Rehearsal',
    )
  })

  it('puts the knee between the highest rate that was held and the lowest that was not', () => {
    expect(renderHtml(embedSweep())).toContain('The knee lies between 150/s and 200/s.')
    expect(renderHtml(brokenPipeline())).toContain('No step was saturated: the knee lies beyond 25/s.')
  })
})

describe('summary.md', () => {
  it('never throws, and nothing in a run can open a tag, mention somebody or break a table', () => {
    fc.assert(
      fc.property(anyRun, (run) => {
        const text = renderMarkdown(run)
        expect(text.replace(/<\/?sub>/g, '')).not.toContain('<')
        expect(text).not.toMatch(/(?<![\\\w])@/)
        const lines = text.split('\n')
        const tables = lines.filter((line) => line.startsWith('| '))
        for (const [index, line] of lines.entries()) {
          if (!line.startsWith('| ---')) continue
          const cells = (one: string): number => one.replaceAll('\\|', '').split('|').length
          expect(cells(lines[index - 1] ?? '')).toBe(cells(line))
          for (let row = index + 1; lines[row]?.startsWith('| ') === true; row++)
            expect(cells(lines[row] ?? '')).toBe(cells(line))
        }
        expect(tables.length).toBeGreaterThanOrEqual(0)
      }),
      { numRuns: 150 },
    )
  })

  it('shows a recommendation with its reasons folded away', () => {
    fc.assert(
      fc.property(hostile, (note) => {
        const text = renderRecommendationMarkdown({ ...recommendation, notes: [note] })
        expect(text).toContain('<details><summary>Why: embed</summary>')
        expect(text.replace(/<\/?(details|summary)>/g, '')).not.toContain('<')
      }),
    )
  })
})

describe('junit.xml', () => {
  it('never throws and is well-formed, whatever the run holds', () => {
    fc.assert(
      fc.property(anyRun, (run) => {
        const xml = renderJunit(run)
        expect(elementsOf(xml, new Set())).toContain('testcase')
        expect(xml.replace(/[\t\n\r]/g, '')).not.toMatch(/[\p{Cc}\ufffe\uffff]/u)
      }),
      { numRuns: 150 },
    )
  })

  it('has a testcase an SLO and one for validity, with what broke', () => {
    const xml = renderJunit(brokenPipeline().run)
    expect(xml.match(/<testcase /g)).toHaveLength(5)
    expect(xml).toContain('tests="5" failures="4" errors="0"')
    expect(xml).toContain('pipeline.errors was 4 % in step s2, the limit is 0.1 %')
  })

  it('makes an invalid measurement an error', () => {
    const { run } = embedSweep()
    expect(renderJunit({ ...run, verdict: 'invalid', verdictBecause: ['s1 was late'] })).toContain(
      '<error type="invalid"',
    )
  })

  it('fails where the run does, even when no SLO was set', () => {
    const { run } = embedSweep()
    expect(renderJunit({ ...run, slo: [], verdict: 'fail', verdictBecause: ['90 % failed'] })).toContain(
      'failures="1"',
    )
  })
})
