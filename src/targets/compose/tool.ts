/** `docker compose`, as this machine has it. */
import { execa } from 'execa'
import type { Env } from '../docker/context.ts'

/** How it is called; `none`: ragscale does without, and says why there is none. */
export type ComposeTool =
  | { readonly kind: 'command'; readonly command: readonly [string, ...string[]]; readonly version: string }
  | { readonly kind: 'none'; readonly because: string }

/** What would make it read other files than those it is given, or another project. */
const misleading = ['COMPOSE_FILE', 'COMPOSE_PROJECT_NAME', 'COMPOSE_PATH_SEPARATOR', 'COMPOSE_ENV_FILES']

/** The plugin of the docker command, else the program of its own. Version 1 knows little of what is rendered. */
export async function findCompose(env: Env): Promise<ComposeTool> {
  const plugin = await versionOf(['docker', 'compose'], env)
  if (plugin !== null) return { kind: 'command', command: ['docker', 'compose'], version: plugin }
  const standalone = await versionOf(['docker-compose'], env)
  if (standalone === null) return { kind: 'none', because: 'docker compose is not installed' }
  const major = Number(/\d+/.exec(standalone)?.[0] ?? 0)
  if (major < 2) {
    return {
      kind: 'none',
      because: `docker-compose ${standalone} is too old: version 2 or newer reads what is rendered`,
    }
  }
  return { kind: 'command', command: ['docker-compose'], version: standalone }
}

async function versionOf(
  [command, ...args]: readonly [string, ...string[]],
  env: Env,
): Promise<string | null> {
  const { stdout, failed } = await execa(command, [...args, 'version', '--short'], {
    reject: false,
    stdin: 'ignore',
    timeout: 20_000,
    env: toolEnvironment(env),
    extendEnv: false,
  })
  const version = /\d+\.\d+\.\d+\S*/.exec(stdout)?.[0]
  return failed || version === undefined ? null : version
}

export interface ComposeCall {
  /** Absolute; read one after another, each over the one before. */
  readonly files: readonly string[]
  /** Absolute: relative paths in the files are relative to it. */
  readonly folder: string
  readonly project: string
  readonly args: readonly string[]
  readonly signal?: AbortSignal
}

export interface ComposeEnd {
  readonly stdout: string
  readonly stderr: string
  readonly failed: boolean
}

/** Runs it to its end, however it ends; the signal interrupts it. */
export async function callCompose(
  tool: Extract<ComposeTool, { kind: 'command' }>,
  { files, folder, project, args, signal }: ComposeCall,
  env: Env,
): Promise<ComposeEnd> {
  const [command, ...first] = tool.command
  const all = [
    ...first,
    '--project-name',
    project,
    '--project-directory',
    folder,
    ...files.flatMap((file) => ['--file', file]),
    '--ansi',
    'never',
    '--progress',
    'plain',
    ...args,
  ]
  const { stdout, stderr, failed } = await execa(command, all, {
    reject: false,
    stdin: 'ignore',
    env: toolEnvironment(env),
    extendEnv: false,
    ...(signal === undefined
      ? {}
      : { cancelSignal: signal, killSignal: 'SIGINT', forceKillAfterDelay: 10_000 }),
  })
  return { stdout, stderr, failed }
}

export function toolEnvironment(env: Env): Record<string, string> {
  return Object.fromEntries(
    Object.entries(env).filter(
      (entry): entry is [string, string] => entry[1] !== undefined && !misleading.includes(entry[0]),
    ),
  )
}
