/** systemd's own opinion of the units. */
import { chmod, cp, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { execa } from 'execa'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { readTemplates } from '../../../../src/deployed/templates.ts'
import { render } from '../../../../src/render/render.ts'
import { describeWith } from '../../../tools/describe-with.ts'
import { presetStack } from '../preset-stack.ts'

/** A program of others, on a machine that may be busy. */
const timeout = 60_000

await describeWith('systemd-analyze', 'the rendered units, by systemd-analyze', (analyze) => {
  let root: string

  beforeAll(async () => {
    // A host's file system, with the program that the units start.
    root = await mkdtemp(join(tmpdir(), 'ragscale-systemd-'))
    const units = join(root, 'etc/systemd/system')
    await mkdir(units, { recursive: true })
    await mkdir(join(root, 'usr/local/bin'), { recursive: true })
    // What the units name of systemd's own.
    await cp('/lib/systemd/system', join(root, 'usr/lib/systemd/system'), {
      recursive: true,
      verbatimSymlinks: true,
    })
    const program = join(root, 'usr/local/bin/ragscale-serve')
    await writeFile(program, '#!/bin/sh\n')
    await chmod(program, 0o755)
    const stack = await presetStack('production', 'compose')
    for (const [path, text] of render(stack, 'systemd', await readTemplates())) {
      if (/\.(service|target|slice)$/.test(path)) await writeFile(join(units, basename(path)), text)
    }
  })
  afterAll(() => rm(root, { recursive: true, force: true }))

  test.each([
    'ragscale-gateway@8080.service',
    'ragscale-worker@8180.service',
    'ragscale.target',
    'ragscale.slice',
  ])('%s has nothing that systemd does not know, and no warning', async (unit) => {
    const { exitCode, all } = await execa(analyze, ['verify', `--root=${root}`, '--man=no', unit], {
      reject: false,
      all: true,
    })
    const about = all.split('\n').filter((line) => line.includes('ragscale'))
    expect(about).toEqual([])
    expect(exitCode, all).toBe(0)
  })

  test.each(['gateway', 'worker'])(
    'the %s is exposed to little: 2.0 of 10 at most',
    { timeout },
    async (name) => {
      const unit = join(root, `etc/systemd/system/ragscale-${name}@.service`)
      const { exitCode, all } = await execa(
        analyze,
        ['security', '--offline=true', '--threshold=20', '--no-pager', unit],
        { reject: false, all: true },
      )
      expect(exitCode, all.split('\n').slice(-3).join('\n')).toBe(0)
    },
  )
})
