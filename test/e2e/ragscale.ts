/** The real command, in a folder of its own. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { execa } from 'execa'

const program = fileURLToPath(new URL('../../bin/ragscale.js', import.meta.url))

function spawn(
  folder: string,
  env: Record<string, string>,
  timeout: number,
  [command = process.execPath, ...args]: readonly string[],
) {
  return execa(command, args, {
    cwd: folder,
    reject: false,
    stdin: 'ignore',
    env,
    timeout,
  })
}

type Running = ReturnType<typeof spawn>

export interface Ended {
  readonly exitCode: number
  readonly stdout: string
  readonly stderr: string
}

export interface Workplace {
  readonly folder: string
  /** Runs `ragscale …` there to its end. */
  ragscale(...args: string[]): Promise<Ended>
  /** Starts it, for a test that interrupts or kills it. */
  start(...args: string[]): Running
  /** Runs it with `--json` and reads its one document. */
  json(...args: string[]): Promise<unknown>
  /** Takes down whatever still runs, and removes the folder. */
  leave(): Promise<void>
}

/**
 * @param withinMs after which a command is ended as by Ctrl-C: less than a test may take
 * @param inside what each command begins with
 */
export async function workplace(
  env: Record<string, string> = {},
  withinMs = 170_000,
  inside: readonly string[] = [],
): Promise<Workplace> {
  const folder = await mkdtemp(join(tmpdir(), 'ragscale-e2e-'))
  const start = (...args: string[]): Running =>
    spawn(folder, env, withinMs, [...inside, process.execPath, program, ...args])
  const ragscale = async (...args: string[]): Promise<Ended> => {
    const { exitCode, stdout, stderr } = await start(...args)
    return { exitCode: exitCode ?? -1, stdout, stderr }
  }
  return {
    folder,
    ragscale,
    start,
    json: async (...args) => {
      const { stdout, stderr, exitCode } = await ragscale('--json', ...args)
      try {
        return JSON.parse(stdout)
      } catch {
        throw new Error(
          `ragscale ${args.join(' ')} (exit ${exitCode}) printed no single JSON document:\n${stdout}\n${stderr}`,
        )
      }
    },
    leave: async () => {
      await ragscale('down', '--volumes', '--yes', '--quiet')
      await rm(folder, { recursive: true, force: true })
    },
  }
}
