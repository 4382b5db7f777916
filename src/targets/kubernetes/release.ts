/** The Helm release that a stack is. */
import { ExitCode, UserError } from '../../errors.ts'
import { type Place, placeWords } from './place.ts'
import { ProgramFailed, type Programs } from './programs.ts'

/** As `helm history` says it: `deployed`, `failed`, `pending-upgrade`, `uninstalling` … */
export interface Revision {
  readonly revision: number
  readonly status: string
  /** Milliseconds since 1970. */
  readonly updatedAt: number
  readonly description: string
  /** `ragscale-0.1.0`; absent where Helm does not say. */
  readonly chart?: string
}

export interface Release {
  readonly name: string
  /** Oldest first; empty: there is no release. */
  readonly revisions: readonly Revision[]
  /** What the last deployed revision made, as YAML; empty where none ever was. */
  readonly manifest: string
}

export function helmAt({ context, namespace }: Place): string[] {
  return ['--kube-context', context, '--namespace', namespace]
}

export function kubectlAt({ context, namespace }: Place): string[] {
  return ['--context', context, '--namespace', namespace]
}

/** Reads; changes nothing. @throws ClusterUnreachable; ProgramFailed */
export async function readRelease(name: string, place: Place, programs: Programs): Promise<Release> {
  const revisions = await readHistory(name, place, programs)
  const deployed = lastDeployed(revisions)
  if (deployed === null) return { name, revisions, manifest: '' }
  const args = ['get', 'manifest', name, '--revision', String(deployed.revision), ...helmAt(place)]
  return { name, revisions, manifest: await programs.run('helm', args) }
}

export async function readHistory(name: string, place: Place, programs: Programs): Promise<Revision[]> {
  const args = ['history', name, '--max', '20', '--output', 'json', ...helmAt(place)]
  const { ok, stdout, stderr } = await programs.attempt('helm', args)
  if (!ok) {
    if (/release: not found/.test(stderr)) return []
    throw new ProgramFailed('helm', args, stderr)
  }
  const rows = JSON.parse(stdout) as {
    revision: number
    status: string
    updated: string
    description: string
    chart?: string
  }[]
  return rows
    .map(({ revision, status, updated, description, chart }) => ({
      revision,
      status,
      updatedAt: Date.parse(updated),
      description,
      ...(chart === undefined ? {} : { chart }),
    }))
    .sort((a, b) => a.revision - b.revision)
}

/** The one whose objects are there; a failed one after it may have changed some of them. */
export function lastDeployed(revisions: readonly Revision[]): Revision | null {
  return revisions.findLast(({ status }) => status === 'deployed') ?? null
}

export function latest(revisions: readonly Revision[]): Revision | null {
  return revisions.at(-1) ?? null
}

/** Whether helm was cut off, or is at it. */
export function isPending({ status }: Revision): boolean {
  return status.startsWith('pending-')
}

/** Helm has one release of a name in a namespace: ours would take the objects of another chart away. @throws UserError (exit 2) */
export function assertOurs({ name, revisions }: Release, place: Place): void {
  const chart = latest(revisions)?.chart
  if (chart === undefined || chart.startsWith('ragscale-')) return
  throw new UserError(
    `release ${name} in ${placeWords(place)} is of chart ${chart}, which ragscale did not make`,
    {
      hint: `Give the stack another name (name: in ragscale.yaml), or the context another namespace: kubectl config set-context ${place.context} --namespace NAME`,
      exitCode: ExitCode.usage,
      code: 'foreign-release',
    },
  )
}

/** Helm's name for a release is a DNS label of at most 53 characters. @throws UserError (exit 2) */
export function releaseNameOf(stack: { readonly name: string }): string {
  if (stack.name.length <= 53) return stack.name
  throw new UserError(
    `${stack.name} is too long for the name of a Helm release, which has 53 characters at most`,
    {
      exitCode: ExitCode.usage,
      code: 'config',
    },
  )
}
