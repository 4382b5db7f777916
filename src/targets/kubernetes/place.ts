/** Which cluster and which namespace: what kubectl would take too, unless a context is named. */
import { isIP } from 'node:net'
import { ExitCode, UserError } from '../../errors.ts'
import { ProgramFailed, type Programs } from './programs.ts'

export interface Place {
  readonly context: string
  readonly namespace: string
  /** URL of the API server. */
  readonly server: string
  /** A cluster on this machine, made to be tried things on. */
  readonly local: boolean
  /** The user has named the context for this command. */
  readonly isNamed: boolean
}

/** Names a context in place of kubectl's current one. */
export const contextVariable = 'RAGSCALE_CONTEXT'

interface KubeConfig {
  readonly 'current-context'?: string
  readonly contexts?: readonly { readonly context?: { readonly namespace?: string } }[] | null
  readonly clusters?: readonly { readonly cluster?: { readonly server?: string } }[] | null
}

/** @throws UserError: exit 2 where kubectl knows no cluster, exit 3 where it is missing */
export async function readPlace(programs: Programs): Promise<Place> {
  const named = programs.env[contextVariable] ?? ''
  const which = named === '' ? [] : ['--context', named]
  let text: string
  try {
    text = await programs.run('kubectl', ['config', 'view', '--minify', '--output', 'json', ...which])
  } catch (error) {
    if (!(error instanceof ProgramFailed)) throw error
    throw new UserError(`kubectl knows of no cluster: ${error.said.replace(/^error: /, '')}`, {
      hint: 'kubectl config get-contexts   lists them; kubectl config use-context NAME   chooses one',
      exitCode: ExitCode.usage,
      code: 'no-cluster',
      cause: error,
    })
  }
  const config = JSON.parse(text) as KubeConfig
  const context = named === '' ? (config['current-context'] ?? '') : named
  const server = config.clusters?.[0]?.cluster?.server ?? ''
  const namespace = config.contexts?.[0]?.context?.namespace ?? ''
  return {
    context,
    server,
    namespace: namespace === '' ? 'default' : namespace,
    local: isLocalCluster(context, server),
    isNamed: named !== '',
  }
}

/** Names that the makers of local clusters give their contexts. */
const localNames =
  /^(kind-|k3d-)|^(minikube|docker-desktop|docker-for-desktop|orbstack|rancher-desktop|colima)$/

export function isLocalCluster(context: string, server: string): boolean {
  return localNames.test(context) || isLoopback(server)
}

function isLoopback(server: string): boolean {
  const host = URL.parse(server)?.hostname.replace(/^\[|\]$/g, '') ?? ''
  return host === 'localhost' || host === '::1' || (isIP(host) === 4 && host.startsWith('127.'))
}

/** `context prod, namespace rag` */
export function placeWords({ context, namespace }: Pick<Place, 'context' | 'namespace'>): string {
  return `context ${context}, namespace ${namespace}`
}
