import { mkdir, readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { inFolder } from './up-and-down.ts'

const { ragscale, folder, files } = inFolder()

describe('ragscale down', () => {
  test('of a stack that does not run is fine and leaves no file behind', async () => {
    expect(await ragscale('down')).toMatchObject({ exitCode: 0, out: 'handbook was not running\n' })
    expect(await files()).toEqual(['ragscale.yaml'])
  })

  test('keeps the vectors and says so; --volumes removes them', async () => {
    const data = join(folder(), '.ragscale', 'local', 'data', 'vector-1')
    await mkdir(data, { recursive: true })
    await writeFile(join(data, 'points'), 'x')
    const { out } = await ragscale('down')
    expect(out).toContain(
      `kept: ${join(folder(), '.ragscale', 'local', 'data')} (ragscale down --volumes removes it)`,
    )
    expect(await readdir(data)).toEqual(['points'])
    const dry = await ragscale('down --volumes --dry-run')
    expect(dry.out).toBe('remove the stored vectors\n    because ragscale down --volumes\n')
    expect((await ragscale('down --volumes --yes')).out).toBe('handbook is down\n')
    expect(await files()).toEqual(['ragscale.yaml'])
  })

  test('--volumes wants the stack’s name typed, and where nobody can be asked --yes', async () => {
    const data = join(folder(), '.ragscale', 'local', 'data', 'vector-1')
    await mkdir(data, { recursive: true })
    await writeFile(join(data, 'points'), 'x')
    const unasked = await ragscale('down --volumes')
    expect(unasked).toMatchObject({ exitCode: 2 })
    expect(unasked.err).toContain('--yes')
    const mistyped = await ragscale('down --volumes', { 'Type the name': 'handbok' })
    expect(mistyped).toMatchObject({ exitCode: 130 })
    expect(await readdir(data)).toEqual(['points'])
    expect(await ragscale('down --volumes', { 'Type the name': 'handbook' })).toMatchObject({ exitCode: 0 })
    expect(await files()).toEqual(['ragscale.yaml'])
  })

  test('is one document with --json', async () => {
    expect(JSON.parse((await ragscale('--json down')).out)).toMatchObject({
      schema: 'ragscale.down/1',
      stack: 'handbook',
      changes: [],
      kept: [],
    })
  })
})
