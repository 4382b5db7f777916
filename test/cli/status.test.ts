import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { inFolder } from './up-and-down.ts'

const { ragscale, folder } = inFolder()

async function writeState(state: object | string): Promise<void> {
  const place = join(folder(), '.ragscale', 'local')
  await mkdir(place, { recursive: true })
  await writeFile(join(place, 'state.json'), typeof state === 'string' ? state : JSON.stringify(state))
}

describe('ragscale status', () => {
  test('of a stack that does not run says how to start it, exit 4', async () => {
    const { exitCode, out } = await ragscale('status')
    expect(exitCode).toBe(4)
    expect(out).toContain('handbook does not run: ragscale up starts it')
    const { out: json } = await ragscale('--json status')
    expect(JSON.parse(json)).toMatchObject({ schema: 'ragscale.status/1', running: false, replicas: [] })
  })

  test('sees that the supervisor was killed', async () => {
    const state = {
      version: 'ragscale.local/1',
      processStart: 'never',
      port: 1,
      token: 't',
      stack: 'handbook',
    }
    await writeState({ ...state, pid: process.pid })
    const { exitCode, out } = await ragscale('status')
    expect(exitCode).toBe(4)
    expect(out).toContain('its supervisor was killed')
  })

  test('of a state file that is broken says which and what to do', async () => {
    await writeState('{ "version"')
    const { exitCode, err } = await ragscale('status')
    expect(exitCode).toBe(1)
    expect(err).toContain('state.json')
    expect(err).toContain('remove it: rm ')
  })
})
