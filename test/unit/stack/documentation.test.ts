import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { readStack } from '../../../src/stack/load.ts'

const examplesOf = (page: string): string[] =>
  [
    ...readFileSync(new URL(`../../../docs/${page}`, import.meta.url), 'utf8').matchAll(
      /```yaml\n(.*?)```/gs,
    ),
  ].map(([, block]) => block ?? '')
const blocks = [...examplesOf('configuration.md'), ...examplesOf('external.md')]

const everyTier = `tiers:
  gateway: {}
  embed: { model: BAAI/bge-base-en-v1.5 }
  vector: {}
  generate: { model: Qwen/Qwen3-8B, gpu: H100 }
`

/** An example of a part of the file, made whole. */
function wholeOf(block: string): string {
  if (/^(target|tiers):/m.test(block)) return block
  if (block.startsWith('slo:')) return everyTier + block
  return `tiers:\n${block.replaceAll(/^/gm, '  ')}`
}

test.each(blocks)('the documentation’s example is right: %s', (block) => {
  expect(readStack(wholeOf(block), '/rag/ragscale.yaml').problems).toEqual([])
})
