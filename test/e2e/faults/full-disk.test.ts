/** A disk that fills: a small tmpfs as the folder of runs, and as the folder of the stack. */
import { mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, statfsSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { execaSync } from 'execa'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { writeWhole } from '../../../src/whole-file.ts'
import { faultyServer } from '../servers/faulty.ts'
import type { FaultyServer } from '../servers/faulty.ts'
import { external, faultPlace, local } from './place.ts'
import type { FaultPlace } from './place.ts'

function mount(folder: string): boolean {
  return !execaSync('mount', ['-t', 'tmpfs', '-o', 'size=2m', 'tmpfs', folder], { reject: false }).failed
}

function unmount(folder: string): void {
  execaSync('umount', [folder], { reject: false })
}

const probe = mkdtempSync(join(tmpdir(), 'ragscale-mount-'))
const mayMount = mount(probe)
if (mayMount) unmount(probe)
else process.stderr.write('\nSKIPPED: the tests of a full disk, because this user may not mount a tmpfs\n\n')
rmSync(probe, { recursive: true })

describe.skipIf(!mayMount)('on a disk that fills', () => {
  let place: FaultPlace
  let server: FaultyServer
  let disk = ''

  beforeAll(async () => {
    server = await faultyServer('none')
    place = await faultPlace(external(server.url))
    disk = join(place.folder, 'runs')
    mkdirSync(disk)
  })
  beforeEach(() => expect(mount(disk)).toBe(true))
  afterEach(async () => {
    unmount(disk)
    await place.nothingLoads()
  })
  afterAll(async () => {
    await place.leave()
    await server.close()
  })

  /** Takes all but so many bytes, which the kernel gives out in pages of 4 kB. */
  function leaveFree(bytes: number): void {
    const { bavail, bsize } = statfsSync(disk)
    writeFileSync(join(disk, 'filler'), Buffer.alloc(bavail * bsize - bytes))
  }

  function load(name: string, ...more: string[]) {
    return place.ragscale(
      'loadtest',
      ...`--stage embed --name ${name} --warmup 0s --duration 1s`.split(' '),
      ...more,
    )
  }

  test('a load test that cannot begin says so, exit 1, and its name is free again', async () => {
    leaveFree(0)
    const { exitCode, stderr } = await load('full')
    expect(exitCode).toBe(1)
    expect(stderr).toMatch(/could not .*full.*: ENOSPC/)
    expect(stderr).toContain('The disk is full. Make room')
    rmSync(join(disk, 'filler'))
    const again = await place.json(
      'loadtest',
      ...'--stage embed --name full --scenario smoke --duration 1s'.split(' '),
    )
    expect(again).toMatchObject({ id: 'full' })
  })

  test('a load test whose record no longer fits fails, and what it had measured can be read', async () => {
    leaveFree(24_576)
    // The first steps fit, the last do not.
    const rates = Array.from({ length: 40 }, () => '40/s').join(',')
    const { exitCode, stderr } = await load('filled', '--rates', rates, '--duration', '200ms')
    expect(exitCode).toBe(1)
    expect(stderr).toMatch(/the disk is full|The disk is full/)
    expect(stderr).toContain('ragscale report filled   shows the steps that were finished')
    rmSync(join(disk, 'filler'))
    const { exitCode: reported, stdout } = await place.ragscale('report', 'filled')
    expect(reported).toBe(0)
    expect(stdout).toContain('INTERRUPTED')
    const { steps } = place.runOf('filled')
    expect(steps.length).toBeGreaterThan(0)
    expect(steps.every(({ scheduled, succeeded, failed }) => scheduled === succeeded + failed)).toBe(true)
  })

  test('a run whose pages do not fit is shown, recorded whole, and its pages can be written again', async () => {
    leaveFree(40_960)
    const { exitCode, stdout, stderr } = await load('pages', '--rate', '20/s')
    expect(exitCode).toBe(1)
    expect(stdout).toContain('steady of embed')
    expect(stderr).toContain('run pages is recorded, and its pages are not')
    // A page is whole or not there.
    expect(readdirSync(join(disk, 'pages'))).not.toContain('report.html')
    expect(place.runOf('pages').steps).toHaveLength(1)
    rmSync(join(disk, 'filler'))
    expect((await place.ragscale('report', 'pages', '--html', 'again.html')).exitCode).toBe(0)
  })

  test('a file that does not fit leaves the one that was there, whole', async () => {
    const file = join(disk, 'ragscale.yaml')
    writeFileSync(file, 'before')
    leaveFree(8_192)
    await expect(writeWhole(file, 'x'.repeat(40_000))).rejects.toMatchObject({ code: 'ENOSPC' })
    expect(readFileSync(file, 'utf8')).toBe('before')
    expect(readdirSync(disk).toSorted()).toEqual(['filler', 'ragscale.yaml'])
  })

  test('a disk that is read-only is said to be by what would write there, and keeps nobody waiting', async () => {
    const own = join(disk, 'ragscale.yaml')
    writeFileSync(own, local)
    execaSync('mount', ['-o', 'remount,ro', disk])
    for (const command of ['up', 'loadtest --stage embed', 'init --force --yes']) {
      const flags = command.startsWith('init') ? ['--out', 'runs'] : ['--file', own]
      const { exitCode, stderr } = await place.ragscale(...command.split(' '), ...flags)
      expect(exitCode, command).not.toBe(0)
      expect(stderr, command).not.toContain('bug in ragscale')
      if (!command.startsWith('loadtest')) expect(stderr).toContain('read-only')
    }
    expect(readFileSync(own, 'utf8')).toBe(local)
    expect(readdirSync(disk)).toEqual(['ragscale.yaml'])
  })
})
