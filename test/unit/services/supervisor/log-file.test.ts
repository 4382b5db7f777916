import { mkdtemp, readFile, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { LogFile } from '../../../../src/services/supervisor/log-file.ts'

let folder: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'ragscale-log-'))
})
afterEach(async () => {
  await rm(folder, { recursive: true })
})

describe('a log file', () => {
  it('is appended to, also by the next supervisor', async () => {
    const file = join(folder, 'logs', 'embed-1.log')
    for (const text of ['one\n', 'two\n']) {
      const log = new LogFile(file)
      log.append(text)
      log.close()
    }
    expect(await readFile(file, 'utf8')).toBe('one\ntwo\n')
  })

  it('remembers the last twenty lines, whole and begun', () => {
    const log = new LogFile(join(folder, 'embed-1.log'))
    for (let line = 1; line <= 30; line++) log.append(`li${line === 15 ? 'n' : 'ne'} ${line}\n`)
    log.append('not fini')
    expect(log.lastLines).toHaveLength(20)
    expect(log.lastLines.slice(-2)).toEqual(['line 30', 'not fini'])
    log.append('shed\n')
    expect(log.lastLines.at(-1)).toBe('not finished')
  })

  it('never grows beyond twice five mebibytes', async () => {
    const file = join(folder, 'embed-1.log')
    const log = new LogFile(file)
    const line = `${'x'.repeat(1023)}\n`
    for (let count = 0; count < 13 * 1024; count++) log.append(line)
    log.close()
    const [now, before] = await Promise.all([stat(file), stat(`${file}.1`)])
    expect(before.size).toBeLessThanOrEqual(5 * 2 ** 20)
    expect(now.size + before.size).toBeLessThanOrEqual(10 * 2 ** 20)
  })

  it('that cannot be written loses its lines and breaks nothing', async () => {
    const log = new LogFile(join(folder, 'embed-1.log'))
    await rm(folder, { recursive: true })
    log.append('lost\n')
    expect(log.lastLines).toEqual(['lost'])
    log.close()
    folder = await mkdtemp(join(tmpdir(), 'ragscale-log-'))
  })
})
