import { access, readFile, readdir, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { describe, expect, it } from 'vitest'
import type { BuildProgress } from '../../../../src/load/k6/build.ts'
import { judgeGo } from '../../../../src/load/k6/build.ts'
import { cleanEnvironment, judgeVersion } from '../../../../src/load/k6/check.ts'
import { cachePath, findK6 } from '../../../../src/load/k6/find.ts'
import { extensionFolder, readSources, scriptOf } from '../../../../src/load/k6/sources.ts'
import { extensionSources, program, sayingVersion, scratchFolder } from './programs.ts'

/** A machine with nothing on it but what a test puts there. */
async function machine(env: Record<string, string> = {}) {
  const folder = await scratchFolder()
  const extension = await extensionSources(await scratchFolder())
  return {
    folder,
    extension,
    runtime: { cwd: folder, cacheDir: join(folder, 'cache'), env: { PATH: join(folder, 'bin'), ...env } },
  }
}

/** A Go that "builds" by writing a k6 of a version; says three packages on the way. */
const fakeGo = (version: string, build: string) => `
const { writeFileSync, chmodSync, appendFileSync } = require('node:fs')
const args = process.argv.slice(2)
if (args[0] === 'version') console.log('go version go${version} linux/amd64')
else if (args[0] === 'list') console.log('unsafe\\nruntime\\nragscale.dev/xk6-ragscale')
else {
  ${build}
}`
const writesK6 = (k6: string) => `
  for (const name of ['unsafe', 'runtime', 'ragscale.dev/xk6-ragscale']) console.error(name)
  const output = args[args.indexOf('-o') + 1]
  appendFileSync(process.env.BUILDS, JSON.stringify({ args, cgo: process.env.CGO_ENABLED }) + '\\n')
  writeFileSync(output, '#!' + process.execPath + '\\n' + ${JSON.stringify(sayingVersion('VERSION'))}.replace('VERSION', '${k6}'))
  chmodSync(output, 0o755)`

describe('k6 is found', () => {
  it('where RAGSCALE_K6 says, before anything else', async () => {
    const { folder, extension, runtime } = await machine({ RAGSCALE_K6: 'my-k6' })
    await program(join(folder, 'my-k6'), sayingVersion('1.8.1'))
    expect(await findK6(runtime, { extension })).toEqual({
      path: join(folder, 'my-k6'),
      version: '1.8.1',
      from: 'RAGSCALE_K6',
    })
  })

  it('in the cache, under a key of its sources', async () => {
    const { extension, runtime } = await machine()
    const path = await program(
      cachePath(runtime.cacheDir, await readSources(extension)),
      sayingVersion('1.8.1'),
    )
    expect(await findK6(runtime, { extension })).toEqual({ path, version: '1.8.1', from: 'cache' })
    await writeFile(join(extension, 'main.go'), 'package main // changed\n')
    await expect(findK6(runtime, { extension })).rejects.toMatchObject({ exitCode: 3 })
    await writeFile(join(extension, 'main.go'), 'package main\n')
    await writeFile(join(extension, 'main_test.go'), 'package main\n')
    expect(await findK6(runtime, { extension })).toMatchObject({ from: 'cache' })
  })

  it('by building it, without a C compiler and with its progress, once', async () => {
    const { folder, extension, runtime } = await machine()
    const builds = join(folder, 'builds')
    const env = { ...runtime.env, BUILDS: builds }
    await program(join(folder, 'bin', 'go'), fakeGo('1.26.1', writesK6('1.8.1')))
    const progress: BuildProgress[] = []
    const both = await Promise.all([
      findK6({ ...runtime, env }, { extension, onProgress: (one) => progress.push(one) }),
      findK6({ ...runtime, env }, { extension }),
    ])
    expect(both.map(({ path }) => path)).toEqual(
      Array(2).fill(cachePath(runtime.cacheDir, await readSources(extension))),
    )
    expect((await findK6({ ...runtime, env }, { extension })).from).toBe('cache')
    const made = (await readFile(builds, 'utf8'))
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as { cgo: string })
    expect(made).toEqual([expect.objectContaining({ cgo: '0' })])
    for (const one of progress.filter(({ phase }) => phase === 'compiling'))
      expect(one).toMatchObject({ total: 3 })
  })
})

describe('k6 is not found', () => {
  it('and all four ways to have it are named', async () => {
    const { extension, runtime } = await machine()
    const error = await findK6(runtime, { extension }).catch((thrown: unknown) => thrown)
    expect(error).toMatchObject({ exitCode: 3, code: 'k6-missing' })
    const { message } = error as Error
    for (const way of ['RAGSCALE_K6', '@ragscale/k6-', 'cache', 'Go toolchain', '1.25'])
      expect(message).toContain(way)
  })

  it('and nothing is built where only looking was asked for', async () => {
    const { folder, extension, runtime } = await machine()
    await program(join(folder, 'bin', 'go'), fakeGo('1.26.1', 'throw new Error("built")'))
    await expect(findK6(runtime, { extension, build: false })).rejects.toMatchObject({
      exitCode: 3,
      code: 'k6-missing',
    })
  })

  it('and a Go that is too old is called that', async () => {
    const { folder, extension, runtime } = await machine()
    await program(join(folder, 'bin', 'go'), fakeGo('1.23.9', ''))
    await expect(findK6(runtime, { extension })).rejects.toThrow(/go 1\.23\.9 is too old/)
  })

  it('and a build that fails is quoted, and leaves nothing in the cache', async () => {
    const { folder, extension, runtime } = await machine()
    await program(
      join(folder, 'bin', 'go'),
      fakeGo('1.26.1', `console.error('main.go:3:1: syntax error: unexpected }'); process.exit(1)`),
    )
    await expect(findK6(runtime, { extension })).rejects.toMatchObject({
      exitCode: 3,
      code: 'k6-build',
      message: expect.stringContaining('main.go:3:1: syntax error') as string,
    })
    expect(await readdir(dirname(cachePath(runtime.cacheDir, await readSources(extension))))).toEqual([])
  })

  it('and a build that could not fetch its modules says so', async () => {
    const { folder, extension, runtime } = await machine()
    await program(
      join(folder, 'bin', 'go'),
      fakeGo(
        '1.26.1',
        `console.error('go: download: dial tcp: lookup proxy: no such host'); process.exit(1)`,
      ),
    )
    await expect(findK6(runtime, { extension })).rejects.toMatchObject({
      hint: expect.stringContaining('network') as string,
    })
  })
})

describe('a wrong k6 is refused, and not passed over', () => {
  it.each([
    ['of another version', sayingVersion('1.7.0'), /it is k6 1\.7\.0, and 1\.8\.1 is needed/],
    ['without the extension', sayingVersion('1.8.1', 'k6/x/other'), /without the ragscale extension/],
    ['that is something else', `console.log('hello')`, /does not say that it is k6/],
    ['that crashes', `console.error('bad CPU'); process.exit(1)`, /bad CPU/],
  ])('%s', async (_what, code, because) => {
    const { folder, extension, runtime } = await machine({ RAGSCALE_K6: 'my-k6' })
    await program(join(folder, 'my-k6'), code)
    await expect(findK6(runtime, { extension })).rejects.toMatchObject({
      exitCode: 3,
      code: 'k6-wrong',
      message: expect.stringMatching(because) as string,
    })
  })

  it('that is not there at all', async () => {
    const { extension, runtime } = await machine({ RAGSCALE_K6: '/nowhere/k6' })
    await expect(findK6(runtime, { extension })).rejects.toMatchObject({
      exitCode: 3,
      message: expect.stringContaining('/nowhere/k6 (RAGSCALE_K6)') as string,
    })
  })

  it('built or cached under another name of the program', () => {
    const output =
      'k6-ragscale v1.8.1 (go1.26.8, linux/amd64)\nExtensions:\n  ragscale.dev/xk6-ragscale/module , k6/x/ragscale [js]\n'
    expect(judgeVersion(output, '1.8.1')).toEqual({ ok: true, version: '1.8.1' })
  })
})

describe('what k6 is run with', () => {
  it('has none of the user’s own k6 settings', () => {
    expect(
      cleanEnvironment({ K6_VUS: '9', K6_AUTO_EXTENSION_RESOLUTION: 'true', PATH: '/bin', EMPTY: undefined }),
    ).toEqual({ PATH: '/bin', K6_AUTO_EXTENSION_RESOLUTION: 'false' })
  })

  it('is a script and sources that come with the package', async () => {
    for (const stage of ['embed', 'retrieve', 'rerank', 'generate', 'pipeline']) await access(scriptOf(stage))
    expect(await readSources(extensionFolder)).toMatchObject({
      k6Version: expect.stringMatching(/^\d+\.\d+\.\d+$/) as string,
      hash: expect.stringMatching(/^[0-9a-f]{16}$/) as string,
    })
  })

  it.each([
    ['go version go1.25 linux/amd64', true],
    ['go version go1.26.8 linux/amd64', true],
    ['go version go1.9 linux/amd64', false],
    ['go version devel +abc', false],
  ])('can be built by %s: %s', (output, ok) => expect(judgeGo(output).ok).toBe(ok))
})
