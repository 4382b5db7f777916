/** The docker command, which alone knows how to read a stack's files; everything else is asked of the engine. */
import { execa } from 'execa'
import { ExitCode, UserError } from '../../errors.ts'
import type { Env } from '../docker/context.ts'

export interface DockerCall {
  readonly env: Env
  readonly cwd?: string
  readonly input?: string
  readonly signal?: AbortSignal
}

export interface DockerAnswer {
  readonly ok: boolean
  readonly stdout: string
  /** What it said when it failed. */
  readonly stderr: string
}

/** Runs it to its end. @throws UserError (exit 3) where there is no docker command; the signal's reason when aborted */
export async function callDocker(args: readonly string[], call: DockerCall): Promise<DockerAnswer> {
  const { env, cwd, input, signal } = call
  const { failed, stdout, stderr, code, shortMessage } = await execa('docker', args, {
    reject: false,
    lines: false,
    env: definedOf(env),
    extendEnv: false,
    forceKillAfterDelay: 10_000,
    ...(cwd === undefined ? {} : { cwd }),
    ...(input === undefined ? { stdin: 'ignore' as const } : { input }),
    ...(signal === undefined ? {} : { cancelSignal: signal }),
  })
  signal?.throwIfAborted()
  if (code === 'ENOENT') throw missingCommand()
  return { ok: !failed, stdout, stderr: stderr === '' && failed ? (shortMessage ?? 'it failed') : stderr }
}

function missingCommand(): UserError {
  return new UserError('the docker command is not installed: a swarm’s stack files are read by it', {
    hint: 'https://docs.docker.com/engine/install/ (the package docker-ce-cli, version 25 or newer)',
    exitCode: ExitCode.missing,
    code: 'docker',
  })
}

function definedOf(env: Env): Record<string, string> {
  return Object.fromEntries(
    Object.entries(env).filter((entry): entry is [string, string] => entry[1] !== undefined),
  )
}
