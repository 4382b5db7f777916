/** Looks at a Compose stack: its files, its engine, what runs. Changes nothing. */
import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import { compareWithFolder } from '../../deployed/compare.ts'
import { readTemplates } from '../../deployed/templates.ts'
import { secretsOfStack } from '../../render/compose/secrets.ts'
import { render } from '../../render/render.ts'
import type { Rendered } from '../../render/rendered.ts'
import type { Topology } from '../../render/topology.ts'
import { topologyOf } from '../../render/workloads.ts'
import { loadStack } from '../../stack/load.ts'
import type { Stack } from '../../stack/stack.ts'
import { conditionOf, jobConditionOf } from '../docker/condition.ts'
import { type FoundContainer, containersWith, statusOf } from '../docker/containers.ts'
import type { Env } from '../docker/context.ts'
import { type Engine, openEngine } from '../docker/engine.ts'
import { uncheckedOf } from '../docker/health-checks.ts'
import { lastLines } from '../docker/logs.ts'
import { containerReading } from '../sampling/container.ts'
import type { ReplicaState } from '../target.ts'
import { type Applied, appliedFile, appliedOf } from './applied.ts'
import { loadedBy, readState } from './state-folder.ts'
import { folderLabel, identityOf, labelsOf, projectLabel, serviceOf } from './found.ts'
import type { Places } from './places.ts'
import { keyed, topologyOfNodes, vectorKey, vectorMembers, vectorNodes } from './vector-nodes.ts'
import type { ComposeObserved, FoundSecret } from './steps.ts'
import { resolveServices } from './resolve.ts'
import { findCompose } from './tool.ts'
import type { WantedService } from './wanted.ts'

export interface Looking {
  readonly places: Places
  readonly env: Env
}

/** @throws UserError: exit 3 without an engine, 2 for a stack or an override that cannot be read */
export async function observe(stack: Stack, { places, env }: Looking): Promise<ComposeObserved> {
  const topology = topologyOf(stack, 'compose')
  const templates = await readTemplates()
  const rendered = render(stack, 'compose', templates)
  const [engine, tool, comparison, departs] = await Promise.all([
    openEngine(env),
    findCompose(env),
    compareWithFolder(rendered, 'compose', places.deploy),
    hasDeparted(stack, rendered, async (own) => render(own, 'compose', templates)),
  ])
  const applied = appliedOf(stack, rendered, {
    departs,
    changes: comparison.changes,
    folder: places.state,
  })
  const [wanted, containers, networks, volumes] = await Promise.all([
    resolveServices(
      { rendered: rendered.get('compose/compose.yaml') ?? '', applied: applied.files.get(appliedFile) },
      topology,
      tool,
      { places, env },
    ),
    containersWith(engine, [`${projectLabel}=${stack.name}`]),
    networksOf(engine, stack.name),
    volumesOf(engine, stack.name),
  ])
  const dormant = topology.workloads
    .filter(({ profile, name }) => profile !== null && !wanted.some(({ workload }) => workload === name))
    .map(({ name }) => name)
  const images = await imagesOf(engine, wanted)
  const nodes = keyed(vectorNodes(containers, engine), await vectorKey(stack, places))
  const { vector } = stack.tiers
  const replicas = await Promise.all(
    containers
      .filter((container) => !isFinishedJob(container, wanted))
      .map(async (container) => ({
        ...(await replicaOf(container, topology, engine)),
        memoryBytes: await memoryOf(container, engine),
      })),
  )
  return {
    engine: { version: engine.version, api: engine.api, host: engine.host, place: engine.place },
    tool,
    wanted,
    containers,
    images,
    comparison,
    departs,
    applied,
    vector: await topologyOfNodes(nodes, vectorMembers(containers, wanted)),
    replication: vector === undefined ? {} : { [vector.collection.name]: vector.collection.replication },
    state: await readState(places.state),
    balancer: await balancerOf(containers, applied, places),
    secrets: await secretsIn(places, topology, wanted),
    networks,
    volumes,
    elsewhere: elsewhereOf(
      containers.map(({ labels }) => labels[folderLabel]),
      places,
    ),
    unchecked: await uncheckedOf(engine, containers),
    dormant,
    running: containers.some(({ status }) => status === 'running' || status === 'restarting'),
    replicas,
    notes: [
      ...(stack.rehearse ? ['rehearsed: ragscale’s emulators in place of models and vectors'] : []),
      ...dormantNotes(containers, dormant),
      ...(tool.kind === 'none' ? [`${tool.because}: ragscale speaks to the engine by itself`] : []),
    ],
    kept: volumes,
  }
}

async function memoryOf({ id, status }: FoundContainer, { docker }: Engine): Promise<number | null> {
  if (status !== 'running') return null
  const stats = await docker
    .getContainer(id)
    .stats({ stream: false, 'one-shot': true })
    .catch(() => null)
  return containerReading(stats)?.memoryBytes ?? null
}

function dormantNotes(containers: readonly FoundContainer[], dormant: readonly string[]): string[] {
  const left = containers.map(identityOf).filter(({ workload }) => dormant.includes(workload))
  if (left.length === 0) return []
  const names = left.map(({ name }) => name).join(', ')
  return [`${names}: of a profile that is not asked for (COMPOSE_PROFILES), and left as found`]
}

function isFinishedJob(
  container: ComposeObserved['containers'][number],
  wanted: readonly WantedService[],
): boolean {
  const service = wanted.find(({ name }) => name === serviceOf(container))
  return service?.job === true && jobConditionOf(container) === 'completed'
}

export async function replicaOf(
  container: ComposeObserved['containers'][number],
  topology: Topology,
  engine: Engine,
  sinceRestarts = 0,
): Promise<ReplicaState> {
  const { name, tier, replica, workload } = identityOf(container)
  const known = topology.workloads.find((one) => one.name === workload)
  const isJob = known?.kind === 'job'
  const condition = isJob ? jobConditionOf(container) : conditionOf(container, sinceRestarts)
  const { state, because } =
    condition === 'completed' ? ({ state: 'completed', because: null } as const) : condition
  const wrong = state === 'failing' || state === 'unhealthy' || state === 'restarting'
  return {
    name,
    tier,
    replica: isJob ? workload : replica,
    component: known?.component ?? container.image,
    version: versionOf(container.image),
    state,
    because,
    url: null,
    pid: container.pid,
    startedAt: container.startedAt,
    restarts: container.restarts,
    cpuCores: null,
    memoryBytes: null,
    lastLines: wrong ? await lastLines(engine, container.id, { lines: 20 }) : [],
  }
}

async function balancerOf(
  containers: readonly FoundContainer[],
  { balancer }: Applied,
  { state }: Places,
): Promise<ComposeObserved['balancer']> {
  const container = containers.find((one) => serviceOf(one) === 'balancer' && one.status === 'running')
  if (container === undefined || balancer === null) return null
  const file = join(state, balancer.path)
  const loaded = await loadedBy(state, balancer.path, container)
  return {
    reads: container.mounts.some(({ source }) => source === file),
    loaded: loaded?.configuration ?? null,
    balancing: loaded?.balancing ?? null,
  }
}

/** Whether the stack is not what its file says: it was given other counts, or a second version of a tier. */
async function hasDeparted(
  stack: Stack,
  rendered: Rendered,
  renderOwn: (own: Stack) => Promise<Rendered>,
): Promise<boolean> {
  const own = await loadStack(stack.file, { cwd: stack.folder, warn: () => {} })
  const text = (await renderOwn({ ...own, target: stack.target })).get('compose/compose.yaml')
  return text !== rendered.get('compose/compose.yaml')
}

/** Those that a service reads which is asked for. */
async function secretsIn(
  { secrets }: Places,
  topology: Topology,
  wanted: readonly WantedService[],
): Promise<FoundSecret[]> {
  const workloads = topology.workloads.filter(({ name }) => wanted.some(({ workload }) => workload === name))
  return await Promise.all(
    secretsOfStack({ ...topology, workloads }).map(async (secret) => ({
      ...secret,
      there: await isThere(join(secrets, secret.name)),
    })),
  )
}

/** The tag of an image, or its digest. */
function versionOf(image: string): string | null {
  return /(?:@|:)([^:/@]+(?::[0-9a-f]+)?)$/.exec(image)?.[1] ?? null
}

async function imagesOf(
  engine: Engine,
  wanted: readonly WantedService[],
): Promise<Record<string, string | null>> {
  const names = [...new Set(wanted.map(({ image }) => image))].filter((image) => image !== '')
  const ids = await Promise.all(
    names.map(async (name) => {
      try {
        return [name, (await engine.docker.getImage(name).inspect()).Id] as const
      } catch (error) {
        if (statusOf(error) === 404) return [name, null] as const
        throw error
      }
    }),
  )
  return Object.fromEntries(ids)
}

async function networksOf(engine: Engine, stack: string): Promise<string[]> {
  const found = await engine.docker.listNetworks({ filters: { label: labelsOf(stack) } })
  return found.map(({ Name }) => Name).sort()
}

async function volumesOf(engine: Engine, stack: string): Promise<string[]> {
  const { Volumes } = await engine.docker.listVolumes({ filters: { label: labelsOf(stack) } })
  return Volumes.map(({ Name }) => Name).sort()
}

function elsewhereOf(folders: readonly (string | undefined)[], { compose }: Places): string | null {
  return folders.find((folder) => folder !== undefined && folder !== compose) ?? null
}

async function isThere(path: string): Promise<boolean> {
  return await stat(path).then(
    () => true,
    () => false,
  )
}
