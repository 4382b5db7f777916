import { chmod, mkdtemp, readFile, readdir, readlink, rm, stat, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { makeFolder } from '../../src/folder.ts'
import { writeWhole } from '../../src/whole-file.ts'

let folder: string

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'ragscale-whole-'))
})
afterEach(() => rm(folder, { recursive: true, force: true }))

test('a new file has the text and the mode that were given, and nothing is left beside it', async () => {
  await writeWhole(join(folder, 'state.json'), '{"token":"s"}', 0o600)
  expect(await readFile(join(folder, 'state.json'), 'utf8')).toBe('{"token":"s"}')
  expect((await stat(join(folder, 'state.json'))).mode & 0o777).toBe(0o600)
  expect(await readdir(folder)).toEqual(['state.json'])
})

test('a file that is replaced keeps its mode, and a link to it stays a link', async () => {
  const [file, link] = [join(folder, 'stack.yaml'), join(folder, 'link.yaml')]
  await writeFile(file, 'a longer text before')
  await chmod(file, 0o640)
  await symlink('stack.yaml', link)
  await writeWhole(link, 'after')
  expect(await readFile(file, 'utf8')).toBe('after')
  expect((await stat(file)).mode & 0o777).toBe(0o640)
  expect(await readlink(link)).toBe('stack.yaml')
})

test('what cannot be put into place leaves everything as it was', async () => {
  await expect(writeWhole(folder, 'text')).rejects.toMatchObject({ code: 'EISDIR' })
  expect(await readdir(folder)).toEqual([])
  await expect(writeWhole(join(folder, 'no', 'such', 'folder'), 'text')).rejects.toMatchObject({
    code: 'ENOENT',
  })
})

test('a folder is made with those above it, also when it is there', async () => {
  await makeFolder(join(folder, 'a', 'b', 'c'))
  await makeFolder(join(folder, 'a', 'b', 'c'))
  expect((await stat(join(folder, 'a', 'b', 'c'))).isDirectory()).toBe(true)
})

test('a folder where a file is, or where the system makes none, is refused', async () => {
  await writeFile(join(folder, 'file'), '')
  await expect(makeFolder(join(folder, 'file'))).rejects.toMatchObject({ code: 'EEXIST' })
  await expect(makeFolder(join(folder, 'file', 'below'))).rejects.toMatchObject({ code: 'ENOTDIR' })
  if (process.platform === 'linux')
    await expect(makeFolder('/proc/none/below')).rejects.toMatchObject({ code: 'ENOENT' })
})
