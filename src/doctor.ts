/** What this machine has and lacks, each finding with its cure. */
import { access, constants, statfs } from 'node:fs/promises'
import { availableParallelism, freemem, totalmem } from 'node:os'
import { version as nodeVersion } from 'node:process'
import { cluster, compose, docker, swarm, tool } from './doctor-targets.ts'
import { UserError, messageOf } from './errors.ts'
import type { BuildProgress } from './load/k6/build.ts'
import { findGo } from './load/k6/build.ts'
import { findK6 } from './load/k6/find.ts'
import type { Runtime } from './runtime.ts'
import { loadStack } from './stack/load.ts'
import type { Target } from './stack/stack.ts'

export interface Finding {
  readonly name: string
  /** `lacks`: the commands that need it exit 3. `note`: only other targets than the stack's need it. */
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
  const loaded = await stack(options.file, runtime)
  const { target } = loaded
  const onEngine = target === 'compose' || target === 'swarm'
  const forCluster = { targets: 'target kubernetes', needed: target === 'kubernetes' }
  const found = await Promise.all([
    k6(options, runtime),
    go(runtime),
    machine(),
    disk(runtime),
    Promise.resolve(loaded.finding),
    docker(runtime, { targets: 'targets compose and swarm', needed: onEngine }),
    ...(target === 'swarm' ? [swarm(runtime)] : []),
    compose(runtime),
    tool('kubectl', 'kubectl', ['version', '--client'], forCluster, runtime),
    tool('Helm', 'helm', ['version', '--short'], forCluster, runtime),
    ...(target === 'kubernetes' ? [cluster(runtime)] : []),
    tool(
      'NVIDIA driver',
      'nvidia-smi',
      ['--query-gpu=name', '--format=csv,noheader'],
      { targets: 'GPUs on this machine', needed: false },
      runtime,
    ),
  ])
  return [node, ...found.filter((finding) => finding !== null)]
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

async function stack(
  file: string,
  runtime: Runtime,
): Promise<{ readonly finding: Finding; readonly target: Target | null }> {
  try {
    const { name, target } = await loadStack(file, runtime)
    const says = `${name} for target ${target} (${file})`
    return { finding: { name: 'Stack', state: 'has', says, cure: null }, target }
  } catch (error) {
    if (!(error instanceof UserError)) throw error
    const finding: Finding = {
      name: 'Stack',
      state: 'note',
      says: messageOf(error),
      cure: error.hint ?? null,
    }
    return { finding, target: null }
  }
}

function gibibytes(bytes: number): string {
  return `${(bytes / 1024 ** 3).toFixed(1)} GiB`
}
