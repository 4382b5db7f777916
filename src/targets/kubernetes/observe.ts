import { readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { topologyOf } from '../../render/workloads.ts'
import type { Stack } from '../../stack/stack.ts'
import { readCutOff } from './change-note.ts'
import { Cluster, type Running } from './cluster.ts'
import { gatewaysOf, hostsOf } from './hosts.ts'
import { objectsIn } from './manifest.ts'
import { type KubeObject, type Pod, managerLabel, releaseLabel } from './objects.ts'
import { readOverrides } from './overrides.ts'
import { type Surroundings, whyPending } from './pending.ts'
import { isElsewhere, readLastPlace } from './last-place.ts'
import { type Place, placeWords } from './place.ts'
import type { Programs } from './programs.ts'
import { isPending, latest, type Release, readRelease, releaseNameOf } from './release.ts'
import { type PodState, type Roles, isReplica, replicaOf } from './replicas.ts'
import { secretNameIn } from './secrets.ts'
import type { FoundSecret, KubernetesObserved } from './steps.ts'
import { readShards, vectorKey } from './vector-nodes.ts'
import { asksForShards } from './vector-set.ts'
import { type Wanted, readWanted } from './wanted.ts'

/**
 * Looks; changes nothing but a folder for temporary files. What the stack is to be is prepared as well, for the plan.
 * @throws UserError: exit 3 where kubectl or helm is missing
 * @throws ClusterUnreachable
 */
export async function observe(
  stack: Stack,
  place: Place,
  stateFolder: string,
  programs: Programs,
): Promise<KubernetesObserved> {
  const cluster = new Cluster(place, programs)
  const name = releaseNameOf(stack)
  const [release, found, namespace, capabilities, given, cutOff, last] = await Promise.all([
    readRelease(name, place, programs),
    cluster.running(name),
    cluster.namespace(name),
    cluster.capabilities(),
    givenSecrets(stack),
    readCutOff(stateFolder, name, place),
    readLastPlace(stateFolder),
  ])
  const deployed = objectsIn(release.manifest)
  const there = { deployed, found: found.controllers }
  const wanted = await tryWanted(stack, name, place, capabilities, programs, there)
  const asks = !('error' in wanted) && asksForShards(found, wanted.objects)
  const [live, secret, around, gateways, shards] = await Promise.all([
    cluster.live(deployed),
    findSecret(stack, 'error' in wanted ? deployed : wanted.objects, name, cluster),
    surroundingsOf(found, cluster),
    cluster.gateways(gatewaysOf(deployed)),
    asks ? readShards(found, await vectorKey(stack, deployed, cluster), place, programs) : null,
  ])
  const replicas = statesOf(found.pods, around, rolesOf(stack, wanted))
  return {
    running: release.revisions.length > 0 || replicas.length > 0,
    place,
    last,
    release,
    cutOff,
    found,
    events: around.events,
    live,
    namespace,
    secret,
    given,
    wanted,
    stack,
    hosts: hostsOf(deployed, gateways),
    gateways: gatewaysOf(deployed),
    shards,
    replicas,
    notes: [
      ...notesOn(place, release, found),
      ...(isElsewhere(place, last) ? [`it was last brought up in ${placeWords(last)} (${last.server})`] : []),
      ...notesOnSecrets(wanted, secret, given),
    ],
    kept: found.claims.map(({ metadata }) => `volume claim ${metadata.name}`),
  }
}

/** Taking a stack down needs no word on what it should be: an error is told by the plan that does. */
async function tryWanted(...args: Parameters<typeof readWanted>): Promise<Wanted | { error: unknown }> {
  try {
    return await readWanted(...args)
  } catch (error) {
    return { error }
  }
}

/** What explains pods that do not run: asked for only where there are some. */
export async function surroundingsOf(
  { pods, claims, controllers }: Running,
  cluster: Cluster,
): Promise<Surroundings> {
  const nothing: Surroundings = { nodes: null, pods: null, claims, events: [] }
  if (pods.some((pod) => whyPending(pod, nothing) !== null)) return await cluster.surroundings(claims)
  const ready = pods.every((pod) => isReady(pod) || !isReplica(pod))
  const few = controllers.some(({ spec, status }) => (status?.replicas ?? 0) < (spec.replicas ?? 0))
  return ready && !few ? nothing : { ...nothing, events: await cluster.events() }
}

function isReady({ status }: Pod): boolean {
  return status?.conditions?.some((one) => one.type === 'Ready' && one.status === 'True') === true
}

/** In the order of the workloads, then of their names. */
export function statesOf(pods: readonly Pod[], around: Surroundings, roles: Roles): PodState[] {
  const order = [...roles.values()].map(({ tier }) => tier)
  const rank = ({ tier }: PodState) => (order.includes(tier) ? order.indexOf(tier) : order.length)
  return pods
    .filter(isReplica)
    .map((pod) => replicaOf(pod, around, roles))
    .sort((a, b) => rank(a) - rank(b) || a.name.localeCompare(b.name, 'en', { numeric: true }))
}

export function rolesOf(stack: Stack, wanted: Wanted | { readonly error: unknown }): Roles {
  try {
    const { workloads } = 'error' in wanted ? topologyOf(stack, 'kubernetes') : wanted.topology
    return new Map(workloads.map(({ name, tier, component }) => [name, { tier, component }]))
  } catch {
    // The file cannot be rendered: what runs is shown by the names that it has on the cluster.
    return new Map()
  }
}

async function findSecret(
  stack: Stack,
  objects: readonly KubeObject[],
  release: string,
  cluster: Cluster,
): Promise<FoundSecret | null> {
  const name = secretNameIn(objects)
  if (name === null) return null
  const { existingSecret, create } = readOverrides(stack).secrets ?? {}
  const found = await cluster.secret(name)
  const labels = found?.labels ?? {}
  return {
    name,
    keys: found?.keys ?? null,
    ours: labels[managerLabel] === 'ragscale' && labels[releaseLabel] === release,
    users: (typeof existingSecret === 'string' && existingSecret !== '') || create === true,
  }
}

/** An empty file is as good as none. */
async function givenSecrets({ folder }: Stack): Promise<ReadonlyMap<string, string>> {
  const secrets = join(folder, 'deploy', 'helm', 'secrets')
  const names = await readdir(secrets).catch(() => [])
  const files = await Promise.all(
    names
      .filter((name) => /^[a-z0-9-]+$/.test(name))
      .map(async (name) => ({
        name,
        path: join(secrets, name),
        size: (await stat(join(secrets, name))).size,
      })),
  )
  return new Map(files.flatMap(({ name, path, size }) => (size === 0 ? [] : [[name, path]])))
}

/** Secrets that all of it starts without, and that nobody has given. */
function notesOnSecrets(
  wanted: Wanted | { readonly error: unknown },
  secret: FoundSecret | null,
  given: ReadonlyMap<string, string>,
): string[] {
  if ('error' in wanted || secret?.users === true) return []
  return wanted.secrets
    .filter(({ name, optional }) => optional && !given.has(name) && secret?.keys?.includes(name) !== true)
    .map(({ name }) => `${name} is left out, as deploy/helm/secrets/${name} does not give it`)
}

function notesOn(place: Place, { name, revisions }: Release, { hidden }: Running): string[] {
  const last = latest(revisions)
  const where = `release ${name} in ${placeWords(place)}${last === null ? '' : `, revision ${last.revision}`}`
  const trouble =
    last === null || last.status === 'deployed'
      ? []
      : [
          `revision ${last.revision} of the release is ${last.status}: ${last.description}${isPending(last) ? ' (ragscale up mends it)' : ''}`,
        ]
  return [where, ...trouble, ...hidden]
}
