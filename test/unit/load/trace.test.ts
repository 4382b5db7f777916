import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { readTrace } from '../../../src/load/trace.ts'

describe('a trace of arrivals', () => {
  let file: string
  beforeEach(async () => {
    file = join(await mkdtemp(join(tmpdir(), 'ragscale-trace-')), 'trace.txt')
  })
  afterEach(async () => await rm(join(file, '..'), { recursive: true }))
  const read = async (text: string) => {
    await writeFile(file, text)
    return await readTrace(file)
  }

  it('is read in seconds, sorted, counted from its first instant', async () => {
    expect(await read('# from the access log\n12.5\n\n10\r\n10.25\n')).toEqual([0, 250, 2_500])
  })

  it('names the line that is not a number', async () => {
    await expect(read('1\n2\nthree\n')).rejects.toMatchObject({
      exitCode: 2,
      message: expect.stringContaining('trace.txt:3') as string,
    })
  })

  it('that is empty or missing is refused', async () => {
    await expect(read('# nothing\n')).rejects.toMatchObject({ exitCode: 2 })
    await expect(readTrace(`${file}.missing`)).rejects.toMatchObject({
      exitCode: 2,
      message: expect.stringContaining('ENOENT') as string,
    })
  })
})
