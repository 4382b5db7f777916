import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { beforeEach, describe, expect, test } from 'vitest'
import { inFolder } from './up-and-down.ts'

const { ragscale, folder } = inFolder()

beforeEach(async () => {
  const logs = join(folder(), '.ragscale', 'local', 'logs')
  await mkdir(logs, { recursive: true })
  for (const name of ['embed-1', 'embed-2', 'embed-10', 'embed-balancer', 'vector-1']) {
    await writeFile(join(logs, `${name}.log`), `${name} first\n${name} second\n${name} unfinished`)
  }
})

describe('ragscale logs', () => {
  test('prints the last whole lines of every replica, in the order of their numbers', async () => {
    const { exitCode, out } = await ragscale('logs --lines 1')
    expect(exitCode).toBe(0)
    expect(out).toBe(
      ['embed-1', 'embed-2', 'embed-10', 'embed-balancer', 'vector-1']
        .map((name) => `${name.padEnd(18)} | ${name} second\n`)
        .join(''),
    )
  })

  test('of one tier leaves the others out', async () => {
    const { out } = await ragscale('logs vector')
    expect(out).toBe('vector-1           | vector-1 first\nvector-1           | vector-1 second\n')
  })

  test('with --json is one document', async () => {
    const { out } = await ragscale('--json logs embed --lines 1')
    expect(JSON.parse(out)).toEqual({
      schema: 'ragscale.logs/1',
      stack: 'handbook',
      lines: ['embed-1', 'embed-2', 'embed-10', 'embed-balancer'].map((name) => ({
        name,
        text: `${name} second`,
      })),
    })
  })

  test('of a tier that wrote nothing says so, and where to look', async () => {
    const { exitCode, out, err } = await ragscale('logs generate')
    expect({ exitCode, out }).toEqual({ exitCode: 0, out: '' })
    expect(err).toContain('nothing was written by generate: ragscale status')
  })

  test('of a tier that does not exist is refused, exit 2', async () => {
    const { exitCode, err } = await ragscale('logs embeds')
    expect(exitCode).toBe(2)
    expect(err).toContain('there is no tier embeds')
  })
})
