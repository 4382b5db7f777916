import { describe, expect, test } from 'vitest'
import { inFolder } from './up-and-down.ts'

const { ragscale, write } = inFolder()

describe('ragscale scale', () => {
  test('of a stack that does not run says to start it, exit 4', async () => {
    const { exitCode, err } = await ragscale('scale embed=3')
    expect(exitCode).toBe(4)
    expect(err).toContain('handbook does not run, so there is nothing to scale')
    expect(err).toContain('ragscale up')
  })

  test.each([
    ['embed', 'expected <tier>=<count> such as embed=3, got "embed"'],
    ['embed=0', 'embed=0: at least one has to run'],
    ['generate=2', 'handbook has no tier generate that is counted'],
  ])('%s is refused, exit 2', async (count, message) => {
    const { exitCode, err } = await ragscale(`scale ${count}`)
    expect(exitCode).toBe(2)
    expect(err).toContain(message)
  })

  test('of a stack that somebody else runs is refused, exit 2', async () => {
    await write(
      'name: theirs\ntarget: external\nendpoints:\n  embed: { url: http://127.0.0.1:9, protocol: tei, replicas: 1 }\n',
    )
    expect(await ragscale('scale embed=2')).toMatchObject({ exitCode: 2 })
  })
})
