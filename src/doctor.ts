/** What this machine has and lacks, each finding with its cure. */
import { access, constants, statfs } from 'node:fs/promises'
import { availableParallelism, freemem, totalmem } from 'node:os'
import { version as nodeVersion } from 'node:process'
import { execa } from 'execa'
import { UserError, messageOf } from './errors.ts'
import type { BuildProgress } from './load/k6/build.ts'
import { findGo } from './load/k6/build.ts'
import { findK6 } from './load/k6/find.ts'
import type { Runtime } from './runtime.ts'
import { loadStack } from './stack/load.ts'
import { findCompose } from './targets/compose/tool.ts'
import { openEngine } from './targets/docker/engine.ts'

export interface Finding {
  readonly name: string
  /** `lacks`: the commands that need it exit 3. `note`: only some targets need it. */
  readonly state: 'has' | 'note' | 'lacks'
  readonly says: string
  /** What to do about it; null when there is nothing to do. */
  readonly cure: string | null
}

export interface DoctorOptions {
  readonly file: string
  /** Build k6 when a Go toolchain is here and nothing else has it. */
  readonly build: boolean
  readonly onBuild?: (progress: BuildProgress) => void
  readonly signal?: AbortSignal
}

export async function examine(options: DoctorOptions, runtime: Runtime): Promise<Finding[]> {
  const node: Finding = { name: 'Node.js', state: 'has', says: nodeVersion, cure: null }
  const found = await Promise.all([
    k6(options, runtime),
    go(runtime),
    machine(),
    disk(runtime),
    stack(options.file, runtime),
    docker(runtime),
    compose(runtime),
    tool('kubectl', 'kubectl', ['version', '--client'], 'target kubernetes', runtime),
    tool('Helm', 'helm', ['version', '--short'], 'target kubernetes', runtime),
    tool(
      'NVIDIA driver',
      'nvidia-smi',
      ['--query-gpu=name', '--format=csv,noheader'],
      'GPUs on this machine',
      runtime,
    ),
  ])
  return [node, ...found]
}

async function k6({ build, onBuild, signal }: DoctorOptions, runtime: Runtime): Promise<Finding> {
  try {
    const found = await findK6(runtime, {
      build,
      ...(onBuild === undefined ? {} : { onProgress: onBuild }),
      ...(signal === undefined ? {} : { signal }),
    })
    return {
      name: 'k6',
      state: 'has',
      says: `${found.version} with the ragscale extension (${found.from}: ${found.path})`,
      cure: null,
    }
  } catch (error) {
    if (!(error instanceof UserError)) throw error
    return { name: 'k6', state: 'lacks', says: error.message, cure: error.hint ?? null }
  }
}

async function go({ env }: Runtime): Promise<Finding> {
  const found = await findGo(env)
  return found.ok
    ? { name: 'Go', state: 'has', says: `${found.version}, which can build k6`, cure: null }
    : {
        name: 'Go',
        state: 'note',
        says: found.because,
        cure: 'Only needed where there is no built k6: https://go.dev/dl',
      }
}

async function machine(): Promise<Finding> {
  const cores = availableParallelism()
  const says = `${cores} cores, ${gibibytes(totalmem())} of memory, ${gibibytes(freemem())} of it free`
  const cure =
    cores < 2
      ? 'A local stack and the load generator share the cores: use two or more, or an external target.'
      : null
  return { name: 'Machine', state: cure === null ? 'has' : 'note', says, cure }
}

async function disk({ cwd }: Runtime): Promise<Finding> {
  const { bavail, bsize } = await statfs(cwd)
  const free = bavail * bsize
  const says = `${gibibytes(free)} free in ${cwd}`
  const writable = await access(cwd, constants.W_OK).then(
    () => true,
    () => false,
  )
  if (!writable)
    return {
      name: 'Disk',
      state: 'lacks',
      says: `${cwd} is not writable`,
      cure: 'Run in a folder of your own.',
    }
  return free < 200 * 1024 ** 2
    ? {
        name: 'Disk',
        state: 'lacks',
        says,
        cure: 'Runs and logs need room: free some, or remove old runs (ragscale runs list).',
      }
    : { name: 'Disk', state: 'has', says, cure: null }
}

async function stack(file: string, runtime: Runtime): Promise<Finding> {
  try {
    const loaded = await loadStack(file, runtime)
    return {
      name: 'Stack',
      state: 'has',
      says: `${loaded.name} for target ${loaded.target} (${file})`,
      cure: null,
    }
  } catch (error) {
    if (!(error instanceof UserError)) throw error
    return { name: 'Stack', state: 'note', says: messageOf(error), cure: error.hint ?? null }
  }
}

/** The engine that targets compose and swarm would use. */
async function docker({ env }: Runtime): Promise<Finding> {
  try {
    const { version, api, place } = await openEngine(env)
    return {
      name: 'Docker',
      state: 'has',
      says: `engine ${version}, API ${api}, at ${place.host} (${place.from})`,
      cure: null,
    }
  } catch (error) {
    if (!(error instanceof UserError)) throw error
    const cure = `Only needed for targets compose and swarm. ${error.hint ?? ''}`.trim()
    return { name: 'Docker', state: 'note', says: error.message, cure }
  }
}

async function compose({ env }: Runtime): Promise<Finding> {
  const found = await findCompose(env)
  return found.kind === 'command'
    ? {
        name: 'Docker Compose',
        state: 'has',
        says: `${found.version} (${found.command.join(' ')})`,
        cure: null,
      }
    : {
        name: 'Docker Compose',
        state: 'note',
        says: found.because,
        cure: 'Only needed for target compose: https://docs.docker.com/compose/install/',
      }
}

async function tool(
  name: string,
  command: string,
  args: string[],
  usedFor: string,
  { env }: Runtime,
): Promise<Finding> {
  const known = Object.fromEntries(
    Object.entries(env).filter((entry): entry is [string, string] => entry[1] !== undefined),
  )
  const { stdout, failed, code, stderr } = await execa(command, args, {
    reject: false,
    stdin: 'ignore',
    timeout: 10_000,
    env: known,
    extendEnv: false,
  })
  if (!failed) return { name, state: 'has', says: stdout.trim().split('\n')[0] ?? '', cure: null }
  const says = code === 'ENOENT' ? 'not installed' : (stderr.trim().split('\n')[0] ?? 'it does not answer')
  return { name, state: 'note', says, cure: `Only needed for ${usedFor}.` }
}

function gibibytes(bytes: number): string {
  return `${(bytes / 1024 ** 3).toFixed(1)} GiB`
}
