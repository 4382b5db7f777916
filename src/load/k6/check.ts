import { execa } from 'execa'
import { ExitCode, UserError } from '../../errors.ts'

/** Whether a program is k6 with our extension, of the version that the scripts were written for. */
export type K6Check =
  | { readonly ok: true; readonly version: string }
  | { readonly ok: false; readonly because: string }

/** Runs `k6 version`, which lists the extensions linked in. */
export async function checkK6(
  path: string,
  wanted: string,
  env: Readonly<Record<string, string | undefined>>,
): Promise<K6Check> {
  const { stdout, failed, code, shortMessage, stderr } = await execa(path, ['version'], {
    reject: false,
    stdin: 'ignore',
    timeout: 20_000,
    env: cleanEnvironment(env),
    extendEnv: false,
  })
  if (code === 'ENOENT') return { ok: false, because: 'there is no such file' }
  if (code === 'EACCES') return { ok: false, because: 'it may not be executed' }
  if (failed)
    return { ok: false, because: stderr.trim().split('\n')[0] || (shortMessage ?? 'it could not be run') }
  return judgeVersion(stdout, wanted)
}

/** What `k6 version` printed, judged: `k6 v1.8.1 (…)`, then `Extensions:` and a line for each. */
export function judgeVersion(output: string, wanted: string): K6Check {
  const version = /^k6(?:\S*) v?(\d\S*)/m.exec(output)?.[1]
  if (version === undefined) return { ok: false, because: 'it does not say that it is k6' }
  if (version !== wanted) return { ok: false, because: `it is k6 ${version}, and ${wanted} is needed` }
  if (!/\bk6\/x\/ragscale\b/.test(output))
    return { ok: false, because: 'it was built without the ragscale extension' }
  return { ok: true, version }
}

/** The environment of k6: without `K6_*`, which would change a test unseen, and without asking for other binaries. */
export function cleanEnvironment(env: Readonly<Record<string, string | undefined>>): Record<string, string> {
  const kept = Object.entries(env).filter(
    (entry): entry is [string, string] => entry[1] !== undefined && !entry[0].startsWith('K6_'),
  )
  return { ...Object.fromEntries(kept), K6_AUTO_EXTENSION_RESOLUTION: 'false' }
}

export function k6Refused(path: string, from: string, because: string, hint: string): UserError {
  return new UserError(`${path} (${from}) cannot be used: ${because}`, {
    hint,
    exitCode: ExitCode.missing,
    code: 'k6-wrong',
  })
}
