/** What the pods of a release wrote. */
import { setTimeout as sleep } from 'node:timers/promises'
import type { LogLine, LogOptions } from '../target.ts'
import { workloadOf } from './change-words.ts'
import type { Cluster } from './cluster.ts'
import type { Pod } from './objects.ts'
import type { Programs } from './programs.ts'
import { kubectlAt } from './release.ts'
import { type Roles, isReplica, replicaOf } from './replicas.ts'
import { Lines } from './lines.ts'

const lastLines = 20
const lookEveryMs = 2_000

/** The last that a container wrote: of the run before this one, where that one ended. */
export async function lastLinesOf(
  pod: Pod,
  log: { readonly container: string; readonly previous: boolean } | null,
  cluster: Cluster,
): Promise<string[]> {
  const container = log?.container ?? pod.spec.containers[0]?.name ?? ''
  const lines = await cluster.log(pod.metadata.name, container, {
    previous: log?.previous ?? false,
    lines: lastLines,
  })
  return lines ?? []
}

/** The last lines of each container, then what is added, until the signal; pods that come later too. */
export async function* readLogs(
  release: string,
  roles: Roles,
  cluster: Cluster,
  programs: Programs,
  options: LogOptions,
): AsyncGenerator<LogLine> {
  const queue = new Lines<LogLine>()
  const begun = new Map<string, Promise<void>>()
  const { signal } = options
  const begin = (pod: Pod, container: string, lines: number): void => {
    const key = `${pod.metadata.uid ?? pod.metadata.name}/${container}`
    if (begun.has(key)) return
    const { name: replica } = replicaOf(pod, nothingAround, roles)
    const name =
      pod.spec.containers.length > 1 || workloadOf(pod) !== container ? `${replica}/${container}` : replica
    begun.set(
      key,
      follow(pod.metadata.name, container, { ...options, lines }, cluster, programs, (text) =>
        queue.push({ name, text }),
      ),
    )
  }
  const look = async (lines: number): Promise<void> => {
    const { pods } = await cluster.running(release)
    for (const pod of pods) {
      const tier = roles.get(workloadOf(pod))?.tier ?? workloadOf(pod)
      if (options.tier !== null && tier !== options.tier && workloadOf(pod) !== options.tier) continue
      if (options.tier === null && !isReplica(pod)) continue
      for (const { name } of hasBegun(pod)) begin(pod, name, lines)
    }
  }
  await look(options.lines)
  const all = options.follow ? lookAgain(look, signal) : Promise.all(begun.values())
  void all.then(
    () => queue.end(),
    (error: unknown) => queue.fail(error),
  )
  yield* queue
}

const nothingAround = { nodes: null, pods: null, claims: [], events: [] }

async function lookAgain(look: (lines: number) => Promise<void>, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    await sleep(lookEveryMs, undefined, { signal }).catch(() => {})
    // An API server that is gone for a while comes back; those that are followed go on by themselves.
    if (!signal.aborted) await look(Number.MAX_SAFE_INTEGER).catch(() => {})
  }
}

/** Containers that have written or may. */
function hasBegun({ status }: Pod): { readonly name: string }[] {
  const all = [...(status?.initContainerStatuses ?? []), ...(status?.containerStatuses ?? [])]
  return all.filter(
    ({ state, restartCount }) =>
      state?.running !== undefined || state?.terminated !== undefined || restartCount > 0,
  )
}

async function follow(
  pod: string,
  container: string,
  { lines, follow: on, signal }: LogOptions,
  cluster: Cluster,
  programs: Programs,
  onLine: (text: string) => void,
): Promise<void> {
  const tail = lines === Number.MAX_SAFE_INTEGER ? [] : ['--tail', String(lines)]
  const args = [
    'logs',
    pod,
    '--container',
    container,
    ...tail,
    ...(on ? ['--follow'] : []),
    ...kubectlAt(cluster.place),
  ]
  for await (const line of programs.lines('kubectl', args, signal)) onLine(line)
}
