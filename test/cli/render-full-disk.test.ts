/** A disk that fills while `deploy/` is written: a small tmpfs. */
import { mkdtempSync, rmSync } from 'node:fs'
import { readFile, readdir, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { execaSync } from 'execa'
import { afterAll, describe, expect, test } from 'vitest'
import { run } from '../../src/main.ts'
import { fakeRuntime } from './fake-runtime.ts'

const disk = mkdtempSync(join(tmpdir(), 'ragscale-full-'))
// Less than the files of one target, more than the first of them.
const mayMount = !execaSync('mount', ['-t', 'tmpfs', '-o', 'size=96k', 'tmpfs', disk], { reject: false })
  .failed
if (!mayMount)
  process.stderr.write('\nSKIPPED: rendering to a full disk, because this user may not mount a tmpfs\n\n')

afterAll(() => {
  if (mayMount) execaSync('umount', [disk], { reject: false })
  rmSync(disk, { recursive: true })
})

async function render(flags = '') {
  const runtime = fakeRuntime({ cwd: disk })
  const exitCode = await run(`render ${flags}`.trim().split(' '), runtime)
  return { exitCode, out: runtime.out(), err: runtime.err() }
}

describe.skipIf(!mayMount)('on a disk that fills', () => {
  test('the error says so, no half-written file is left, and doing it again with room goes on', async () => {
    await writeFile(
      join(disk, 'ragscale.yaml'),
      'target: compose\ntiers:\n  gateway: {}\n  embed: { model: BAAI/bge-base-en-v1.5 }\n  vector: {}\n' +
        '  generate: { model: meta-llama/Llama-3.1-8B-Instruct, gpu: L40S }\n',
    )
    const full = await render()
    expect(full.exitCode).toBe(1)
    expect(full.err).toContain('The disk is full')
    const files = (await readdir(disk, { recursive: true, withFileTypes: true })).filter((file) =>
      file.isFile(),
    )
    expect(files.filter(({ name }) => name.endsWith('.draft'))).toEqual([])
    const written = files.filter(({ parentPath }) => parentPath.includes('deploy'))
    for (const { parentPath, name } of written) {
      expect((await readFile(join(parentPath, name), 'utf8')).endsWith('\n'), name).toBe(true)
    }

    execaSync('mount', ['-o', 'remount,size=8m', disk])
    const again = await render()
    expect(again.err).toBe('')
    expect(again.exitCode).toBe(0)
    expect((await render('--check')).exitCode).toBe(0)
  })
})
