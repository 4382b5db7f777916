import { describe, expect, test } from 'vitest'
import { inFolder } from './up-and-down.ts'

const { ragscale, write, files } = inFolder()

describe('ragscale up --dry-run', () => {
  test('prints every step with its cause and does none of them', async () => {
    const { exitCode, out, err } = await ragscale('up --dry-run')
    expect(exitCode).toBe(0)
    expect(err).toBe('')
    expect(out).toBe(`start the supervisor of handbook
    because nothing of this stack runs
start embed-balancer
    because ragscale.yaml asks for it
start embed-1 (tei)
    because ragscale.yaml asks for it
start embed-2 (tei)
    because ragscale.yaml asks for it
`)
    expect(await files()).toEqual(['ragscale.yaml'])
  })

  test('is one document with --json', async () => {
    const { out } = await ragscale('--json up --dry-run')
    expect(JSON.parse(out)).toMatchObject({
      schema: 'ragscale.plan/1',
      stack: 'handbook',
      target: 'local',
      steps: [{ what: 'start the supervisor of handbook' }, {}, { tier: 'embed' }, {}],
    })
  })
})

describe('ragscale up', () => {
  test('of a stack that somebody else runs starts nothing and looks at its endpoints', async () => {
    await write(
      'name: theirs\ntarget: external\nendpoints:\n  embed: { url: http://127.0.0.1:9, protocol: tei, replicas: 1 }\n',
    )
    const { exitCode, out } = await ragscale('up')
    expect(exitCode).toBe(4)
    expect(out).toContain('somebody else runs these; ragscale neither starts nor stops them')
  })

  test('with a time that is none says what a time looks like', async () => {
    const { exitCode, err } = await ragscale('up --timeout soon')
    expect(exitCode).toBe(2)
    expect(err).toContain('--timeout: expected a duration such as')
  })

  test('without a file says how to write one', async () => {
    const { exitCode, err } = await ragscale('--file other.yaml up')
    expect(exitCode).toBe(2)
    expect(err).toContain('ragscale init')
  })
})
