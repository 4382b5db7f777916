/** What a target needs of this machine, and whether it is there. */
import { execa } from 'execa'
import type { Finding } from './doctor.ts'
import { UserError } from './errors.ts'
import type { Runtime } from './runtime.ts'
import { findCompose } from './targets/compose/tool.ts'
import { openEngine } from './targets/docker/engine.ts'

export interface Need {
  /** What needs it, in words. */
  readonly targets: string
  /** Whether the stack here does. */
  readonly needed: boolean
}

/** What is not there: only a note where the stack does without it. */
function lacking(name: string, says: string, cure: string | null, { targets, needed }: Need): Finding {
  if (needed) return { name, state: 'lacks', says, cure }
  return { name, state: 'note', says, cure: `Only needed for ${targets}. ${cure ?? ''}`.trim() }
}

/** The engine that targets compose and swarm would use. */
export async function docker({ env }: Runtime, need: Need): Promise<Finding> {
  try {
    const { version, api, place } = await openEngine(env)
    const says = `engine ${version}, API ${api}, at ${place.host} (${place.from})`
    return { name: 'Docker', state: 'has', says, cure: null }
  } catch (error) {
    if (!(error instanceof UserError)) throw error
    return lacking('Docker', error.message, error.hint ?? null, need)
  }
}

/** Whether the engine can be told what a swarm runs; null where there is no engine, which is said beside it. */
export async function swarm({ env }: Runtime): Promise<Finding | null> {
  const engine = await openEngine(env).catch(() => null)
  if (engine === null) return null
  const { managerNode } = await import('./targets/swarm/observe.ts')
  try {
    const says = `the engine is a manager, node ${await managerNode(engine)}`
    return { name: 'Swarm', state: 'has', says, cure: null }
  } catch (error) {
    if (!(error instanceof UserError)) throw error
    return { name: 'Swarm', state: 'lacks', says: error.message, cure: error.hint ?? null }
  }
}

/** The cluster that kubectl is at; null where there is no kubectl, which is said beside it. */
export async function cluster({ env }: Runtime): Promise<Finding | null> {
  const { ClusterUnreachable, ProgramFailed, Programs } = await import('./targets/kubernetes/programs.ts')
  const { placeWords, readPlace } = await import('./targets/kubernetes/place.ts')
  const { Cluster } = await import('./targets/kubernetes/cluster.ts')
  const programs = new Programs(env)
  try {
    const place = await readPlace(programs)
    const where = `${placeWords(place)} (${place.server})`
    try {
      const version = await new Cluster(place, programs).version()
      return { name: 'Cluster', state: 'has', says: `${version}, ${where}`, cure: null }
    } catch (error) {
      if (!(error instanceof ClusterUnreachable || error instanceof ProgramFailed)) throw error
      const cure = 'kubectl get --raw /readyz   asks it; kubectl config get-contexts shows the others'
      return { name: 'Cluster', state: 'lacks', says: `${where} does not answer: ${error.message}`, cure }
    }
  } catch (error) {
    if (!(error instanceof UserError)) throw error
    if (error.code === 'missing') return null
    return { name: 'Cluster', state: 'lacks', says: error.message, cure: error.hint ?? null }
  }
}

export async function compose({ env }: Runtime): Promise<Finding> {
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

export async function tool(
  name: string,
  command: string,
  args: string[],
  need: Need,
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
  const cure = need.needed ? `Put ${command} on the PATH: the stack of this folder is run by it.` : null
  return lacking(name, says, cure, need)
}
