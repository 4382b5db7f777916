import { access, constants } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { join, resolve } from 'node:path'
import { arch as hostArch, platform as hostPlatform } from 'node:process'
import { ExitCode, UserError } from '../../errors.ts'
import type { Runtime } from '../../runtime.ts'
import type { BuildProgress } from './build.ts'
import { buildK6, findGo, minimumGo } from './build.ts'
import { checkK6, k6Refused } from './check.ts'
import { readSources } from './sources.ts'
import type { ExtensionSources } from './sources.ts'

export interface K6 {
  /** Absolute. */
  readonly path: string
  readonly version: string
  readonly from: 'RAGSCALE_K6' | 'package' | 'cache' | 'built'
}

export interface FindOptions {
  /** Whether to build it where nothing else has it; false only looks. Default true. */
  readonly build?: boolean
  readonly onProgress?: (progress: BuildProgress) => void
  readonly signal?: AbortSignal
  /** The extension's sources; for tests. */
  readonly extension?: string
}

/**
 * k6 with our extension, from the first place that has one: `RAGSCALE_K6`, the platform package, the cache,
 * a Go toolchain. A place that names a wrong one is an error, not a reason to look further.
 * @throws UserError (exit 3) that names all four ways when there is none
 */
export async function findK6(
  runtime: Pick<Runtime, 'env' | 'cwd' | 'cacheDir'>,
  options: FindOptions = {},
): Promise<K6> {
  const sources = await readSources(options.extension)
  const found =
    (await fromEnvironment(runtime, sources)) ??
    (await fromPackage(runtime, sources)) ??
    (await fromCache(runtime, sources))
  if (found !== null) return found
  const go = await findGo(runtime.env)
  if (options.build === false || !go.ok)
    throw nothingFound(sources, go.ok ? 'found, but building was not asked for' : go.because)
  const path = await buildK6({
    sources,
    target: cachePath(runtime.cacheDir, sources),
    go: go.path,
    env: runtime.env,
    ...given(options),
  })
  return { path, version: await verified(path, 'just built', sources, runtime), from: 'built' }
}

function given({ onProgress, signal }: FindOptions): Pick<FindOptions, 'onProgress' | 'signal'> {
  return { ...(onProgress === undefined ? {} : { onProgress }), ...(signal === undefined ? {} : { signal }) }
}

type Place = Pick<Runtime, 'env' | 'cwd' | 'cacheDir'>

async function fromEnvironment(runtime: Place, sources: ExtensionSources): Promise<K6 | null> {
  const named = runtime.env['RAGSCALE_K6']
  if (named === undefined || named === '') return null
  const path = resolve(runtime.cwd, named)
  return { path, version: await verified(path, 'RAGSCALE_K6', sources, runtime), from: 'RAGSCALE_K6' }
}

async function fromPackage(runtime: Place, sources: ExtensionSources): Promise<K6 | null> {
  const name = platformPackage()
  let path: string
  try {
    path = createRequire(import.meta.url).resolve(`${name}/bin/k6${executableSuffix}`)
  } catch {
    return null
  }
  return { path, version: await verified(path, name, sources, runtime), from: 'package' }
}

async function fromCache(runtime: Place, sources: ExtensionSources): Promise<K6 | null> {
  const path = cachePath(runtime.cacheDir, sources)
  if (!(await isExecutable(path))) return null
  const check = await checkK6(path, sources.k6Version, runtime.env)
  // What is wrong in our own cache (half a copy of a home folder) is built again.
  return check.ok ? { path, version: check.version, from: 'cache' } : null
}

async function verified(
  path: string,
  from: string,
  sources: ExtensionSources,
  { env }: Place,
): Promise<string> {
  const check = await checkK6(path, sources.k6Version, env)
  if (check.ok) return check.version
  const hint =
    from === 'RAGSCALE_K6'
      ? `build one with: cd ${sources.folder} && CGO_ENABLED=0 go build -o k6 . — or unset RAGSCALE_K6`
      : 'install the same version of it as of ragscale, or set RAGSCALE_K6'
  throw k6Refused(path, from, check.because, hint)
}

const executableSuffix = hostPlatform === 'win32' ? '.exe' : ''

export function platformPackage(platform: string = hostPlatform, arch: string = hostArch): string {
  return `@ragscale/k6-${platform}-${arch}`
}

/** Keyed by what the binary is built from and for, so that an upgrade of ragscale builds its own. */
export function cachePath(cacheDir: string, sources: ExtensionSources): string {
  const key = `${sources.k6Version}-${hostPlatform}-${hostArch}-${sources.hash}`
  return join(cacheDir, 'k6', key, `k6${executableSuffix}`)
}

async function isExecutable(path: string): Promise<boolean> {
  try {
    await access(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}

function nothingFound(sources: ExtensionSources, go: string): UserError {
  return new UserError(
    [
      `there is no k6 with the ragscale extension on this machine. Looked for, in this order:`,
      `  1. RAGSCALE_K6, the path of one: not set`,
      `  2. the package ${platformPackage()}: not installed`,
      `  3. the cache: none for k6 ${sources.k6Version} and these sources`,
      `  4. a Go toolchain, at least ${minimumGo}, to build it with: ${go}`,
    ].join('\n'),
    {
      hint: `install Go (https://go.dev/dl) and run ragscale doctor --build, or copy a built k6 here and set RAGSCALE_K6`,
      exitCode: ExitCode.missing,
      code: 'k6-missing',
    },
  )
}
