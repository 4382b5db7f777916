import { expect, it } from 'vitest'
import { renderHtml } from '../../../src/report/html/page.ts'
import { renderJunit } from '../../../src/report/junit.ts'
import { renderMarkdown } from '../../../src/report/markdown.ts'
import { noColors } from '../../../src/report/palette.ts'
import { renderRecommendation } from '../../../src/report/recommendation.ts'
import { renderRecommendationMarkdown } from '../../../src/report/recommendation-markdown.ts'
import { renderRun } from '../../../src/report/terminal.ts'
import { recommendation } from '../../unit/report/recommendation-fixture.ts'
import { brokenPipeline, embedSweep } from './recordings.ts'

const cases = [
  ['embed-sweep', embedSweep()],
  ['broken-pipeline', brokenPipeline()],
] as const

it.each(cases)('%s looks as it did in a terminal of 80 and of 200 columns', async (name, { run }) => {
  await expect(renderRun(run, { columns: 80, palette: noColors })).toMatchFileSnapshot(`${name}.80.txt`)
  await expect(renderRun(run, { columns: 200, palette: noColors })).toMatchFileSnapshot(`${name}.200.txt`)
})

it.each(cases)('%s looks as it did as Markdown, as JUnit XML and as a page', async (name, recording) => {
  await expect(renderMarkdown(recording.run)).toMatchFileSnapshot(`${name}.md`)
  await expect(renderJunit(recording.run)).toMatchFileSnapshot(`${name}.junit.xml`)
  await expect(renderHtml(recording)).toMatchFileSnapshot(`${name}.html`)
})

it('a recommendation looks as it did', async () => {
  await expect(renderRecommendation(recommendation, { columns: 80, palette: noColors })).toMatchFileSnapshot(
    'recommendation.80.txt',
  )
  await expect(renderRecommendationMarkdown(recommendation)).toMatchFileSnapshot('recommendation.md')
})
