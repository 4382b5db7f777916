/** Builds k6 with the extension into the cache. */
import { access, mkdir, rename, rm } from 'node:fs/promises'
import { dirname } from 'node:path'
import { pid } from 'node:process'
import { execa } from 'execa'
import lockfile from 'proper-lockfile'
import { ExitCode, UserError, messageOf } from '../../errors.ts'
import type { ExtensionSources } from './sources.ts'

export const minimumGo = '1.25'

export type BuildProgress =
  | { readonly phase: 'waiting'; /** For another build of the same binary. */ readonly seconds: number }
  | {
      readonly phase: 'compiling'
      readonly package: string
      readonly done: number
      /** At most: what Go's own cache has is not compiled again. */ readonly total: number
    }
  | { readonly phase: 'linking' }

export interface BuildOptions {
  readonly sources: ExtensionSources
  /** Where the binary goes, absolute. */
  readonly target: string
  /** The Go command. */
  readonly go: string
  readonly env: Readonly<Record<string, string | undefined>>
  readonly onProgress?: (progress: BuildProgress) => void
  readonly signal?: AbortSignal
}

export type FoundGo =
  | { readonly ok: true; readonly path: string; readonly version: string }
  | { readonly ok: false; readonly because: string }

/** A Go toolchain on the PATH that is new enough. */
export async function findGo(env: Readonly<Record<string, string | undefined>>): Promise<FoundGo> {
  const { stdout, failed, code } = await execa('go', ['version'], {
    reject: false,
    stdin: 'ignore',
    timeout: 20_000,
    // The version that is installed, not one that a `go.work` or GOTOOLCHAIN would fetch.
    env: { ...defined(env), GOTOOLCHAIN: 'local' },
    extendEnv: false,
  })
  if (failed)
    return { ok: false, because: code === 'ENOENT' ? 'no go command on the PATH' : '`go version` failed' }
  return judgeGo(stdout)
}

export function judgeGo(output: string): FoundGo {
  const version = /\bgo(\d+(?:\.\d+)*)/.exec(output)?.[1]
  if (version === undefined)
    return { ok: false, because: `\`go version\` printed ${JSON.stringify(output.slice(0, 60))}` }
  const [major = 0, minor = 0] = version.split('.').map(Number)
  const [wantedMajor = 0, wantedMinor = 0] = minimumGo.split('.').map(Number)
  const enough = major > wantedMajor || (major === wantedMajor && minor >= wantedMinor)
  return enough ? { ok: true, path: 'go', version } : { ok: false, because: `go ${version} is too old` }
}

/**
 * Builds, or waits for another process that builds the same, and returns the path.
 * @throws UserError (exit 3) with what Go said
 */
export async function buildK6(options: BuildOptions): Promise<string> {
  const folder = dirname(options.target)
  await mkdir(folder, { recursive: true })
  const release = await lock(folder, options)
  try {
    // Somebody else may have built it while this process waited.
    if (await exists(options.target)) return options.target
    const partial = `${options.target}.${pid}`
    try {
      await goBuild(options, partial)
      await rename(partial, options.target)
    } finally {
      await rm(partial, { force: true })
    }
    return options.target
  } finally {
    await release()
  }
}

const patienceSeconds = 15 * 60

async function lock(folder: string, { onProgress, signal }: BuildOptions): Promise<() => Promise<void>> {
  for (let waited = 0; ; waited++) {
    signal?.throwIfAborted()
    try {
      return await lockfile.lock(folder, { stale: 20_000, update: 5_000 })
    } catch (error) {
      const held = error instanceof Error && 'code' in error && error.code === 'ELOCKED'
      if (!held || waited >= patienceSeconds) {
        throw new UserError(`could not lock ${folder}: ${messageOf(error)}`, {
          hint: held
            ? 'another build of k6 hangs: end it, and try again'
            : 'set RAGSCALE_CACHE to a folder that you may write',
          exitCode: ExitCode.missing,
          code: 'k6-missing',
          cause: error,
        })
      }
    }
    onProgress?.({ phase: 'waiting', seconds: waited })
    await new Promise((resolve) => setTimeout(resolve, 1_000))
  }
}

async function goBuild(options: BuildOptions, output: string): Promise<void> {
  const { sources, go, onProgress, signal } = options
  const settings = {
    cwd: sources.folder,
    reject: false,
    stdin: 'ignore',
    // GOFLAGS of the user (-mod=vendor, -buildvcs) are for the user's own code; GOWORK likewise.
    env: {
      ...defined(options.env),
      CGO_ENABLED: '0',
      GOWORK: 'off',
      GOFLAGS: '-mod=readonly -buildvcs=false',
    },
    extendEnv: false,
    ...(signal === undefined ? {} : { cancelSignal: signal }),
  } as const
  const listed = await execa(go, ['list', '-deps', '-f', '{{.ImportPath}}', '.'], settings)
  if (listed.failed) throw buildFailed(sources, listed.stderr)
  const total = listed.stdout.split('\n').length
  const build = execa(go, ['build', '-v', '-ldflags=-s -w', '-o', output, '.'], settings)
  let done = 0
  const said: string[] = []
  for await (const line of build.iterable({ from: 'stderr' })) {
    if (isPackage(line)) {
      done += 1
      onProgress?.(
        line === mainPackage ? { phase: 'linking' } : { phase: 'compiling', package: line, done, total },
      )
    } else said.push(line)
  }
  const result = await build
  signal?.throwIfAborted()
  if (result.failed) throw buildFailed(sources, said.join('\n') || (result.shortMessage ?? ''))
}

const mainPackage = 'ragscale.dev/xk6-ragscale'

/** `go build -v` prints one import path a line; its complaints have spaces in them. */
function isPackage(line: string): boolean {
  return /^[\w.~/-]+$/.test(line)
}

function buildFailed(sources: ExtensionSources, said: string): UserError {
  const last = said.trim().split('\n').slice(-12).join('\n')
  const offline = /dial tcp|no such host|i\/o timeout|connection refused|proxyconnect/.test(said)
  return new UserError(`k6 could not be built from ${sources.folder}:\n${last}`, {
    hint: offline
      ? 'Go needs to fetch modules once: check the network and GOPROXY, or set RAGSCALE_K6 to a built k6'
      : 'set RAGSCALE_K6 to a built k6, or report this with the lines above',
    exitCode: ExitCode.missing,
    code: 'k6-build',
  })
}

async function exists(path: string): Promise<boolean> {
  try {
    await access(path)
    return true
  } catch {
    return false
  }
}

function defined(env: Readonly<Record<string, string | undefined>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(env).filter((entry): entry is [string, string] => entry[1] !== undefined),
  )
}
