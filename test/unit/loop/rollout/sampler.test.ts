import { expect, test } from 'vitest'
import { releases } from '../../../../src/catalog/releases.ts'
import { drawOf } from '../../../../src/loop/rollout/sampler.ts'

test('no release is asked what the other was asked, nor the same in two chunks: a cache that they share favours neither', () => {
  const chunks = Array.from({ length: 50 }, (_, index) => index + 1)
  const draws = chunks.flatMap((chunk) => releases.map((release) => drawOf(7, chunk, release)))
  expect(new Set(draws).size).toBe(draws.length)
})
