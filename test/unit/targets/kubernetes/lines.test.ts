import { expect, test } from 'vitest'
import { Lines } from '../../../../src/targets/kubernetes/lines.ts'

async function all(lines: Lines<string>): Promise<string[]> {
  const read: string[] = []
  for await (const line of lines) read.push(line)
  return read
}

test('lines are read in the order in which they came, until their end', async () => {
  const lines = new Lines<string>()
  lines.push('a')
  const reading = all(lines)
  lines.push('b')
  setTimeout(() => {
    lines.push('c')
    lines.end()
  }, 5)
  expect(await reading).toEqual(['a', 'b', 'c'])
})

test('what was written before a failure is read before it is told', async () => {
  const lines = new Lines<string>()
  lines.push('a')
  lines.fail(new Error('cut off'))
  const read: string[] = []
  await expect(
    (async () => {
      for await (const line of lines) read.push(line)
    })(),
  ).rejects.toThrow('cut off')
  expect(read).toEqual(['a'])
})
