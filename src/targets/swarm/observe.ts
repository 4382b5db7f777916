/** Looks at a swarm and at the stack's files; changes nothing. */
import { mkdtemp, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { compareWithFolder } from '../../deployed/compare.ts'
import { readTemplates } from '../../deployed/templates.ts'
import { ExitCode, UserError } from '../../errors.ts'
import { componentNamed } from '../../catalog/catalog.ts'
import { secretsOfStack } from '../../render/compose/secrets.ts'
import { sourceOf, withHeader } from '../../render/header.ts'
import { render } from '../../render/render.ts'
import { balancerPlaces, configurationOf } from '../../render/swarm/balancer.ts'
import { type Profile, type Topology, profiles } from '../../render/topology.ts'
import { topologyOf } from '../../render/workloads.ts'
import type { Stack } from '../../stack/stack.ts'
import { writeWhole } from '../../whole-file.ts'
import { secretNames } from '../../catalog/secrets.ts'
import { isOwnSecret, readSecret } from '../compose/secret-files.ts'
import { keyed } from '../compose/vector-nodes.ts'
import { stackLabel } from '../docker/containers.ts'
import type { Env } from '../docker/context.ts'
import type { Engine } from '../docker/engine.ts'
import type { NodeAddress } from '../qdrant/call.ts'
import { bridgeAddresses } from './addresses.ts'
import { type WantedBalancing, findBalancers } from './balancers.ts'
import { callDocker } from './command.ts'
import { type FoundSwarm, findSwarm, isOf, namespaceLabel } from './found.ts'
import { type Model, modelOf } from './model.ts'
import { notesOn } from './notes.ts'
import type { Places } from './places.ts'
import { publishedUrls } from './published.ts'
import type { Leftovers, MissingSecret, SwarmObserved, Wanted } from './steps.ts'
import { replicasIn } from './tasks.ts'
import { isVectorNode, readShards, vectorNodes } from './vector-nodes.ts'

/** A manager that comes back asks the others, and where it is the only one leads within seconds. */
const joinsWithinMs = 60_000

export interface Around {
  readonly engine: Engine
  readonly places: Places
  readonly env: Env
}

export async function observe(stack: Stack, around: Around): Promise<SwarmObserved> {
  const { engine } = around
  const node = await managerNode(engine)
  const [swarm, wanted, addresses, key] = await Promise.all([
    findSwarm(engine, stack.name, node),
    wantedOf(stack, around),
    bridgeAddresses(engine),
    vectorKey(stack, around.places),
  ])
  const leftovers = await leftoversOf(stack, around, swarm)
  const nodes = vectorNodes(swarm, addresses)
  // Where none of them is on the engine's own node, the tier's port tells, if it is published.
  const asked = nodes.length > 0 ? nodes : throughBalancer(swarm, wanted, engine)
  const replicas = replicasIn(swarm, wanted.model.services)
  return {
    stack: stack.name,
    running: swarm.services.length > 0,
    replicas,
    notes: notesOn(stack, swarm, wanted),
    kept: leftovers.volumes.map((name) => `volume ${name}`),
    swarm,
    wanted,
    leftovers,
    balancers: await findBalancers(swarm, engine, wanted.balancing),
    addresses,
    shards: await readShards(swarm, keyed(asked, key)),
  }
}

/** Only where a node is to go: who only looks does not wait for it. */
function throughBalancer(swarm: FoundSwarm, { model }: Wanted, { host }: Engine): NodeAddress[] {
  const leaves = swarm.services.some(
    ({ name }) => isVectorNode(name) && !model.services.some((service) => service.name === name),
  )
  const urls = leaves ? (publishedUrls(swarm, host).vector ?? []) : []
  return urls.map((url) => ({ name: new URL(url).host, url, peerUrl: null }))
}

/** The key that the stack's Qdrant asks for; null: none. */
export async function vectorKey({ rehearse, tiers }: Stack, { secrets }: Places): Promise<string | null> {
  return rehearse || tiers.vector === undefined ? null : await readSecret(secrets, secretNames.vectorKey)
}

/** The id of the engine's own node. @throws UserError (exit 3) where it manages no swarm */
export async function managerNode({ docker, place }: Engine): Promise<string> {
  const { Swarm: swarm } = (await docker.info()) as {
    Swarm?: { LocalNodeState?: string; ControlAvailable?: boolean; NodeID?: string; Error?: string }
  }
  const state = swarm?.LocalNodeState ?? 'inactive'
  const missing = (message: string, hint: string): UserError =>
    new UserError(message, { hint, exitCode: ExitCode.missing, code: 'swarm' })
  if (state === 'active' && swarm?.ControlAvailable === true) return swarm.NodeID ?? ''
  const where = `the Docker engine at ${place.host}`
  if (state === 'active') {
    throw missing(
      `${where} is a worker of a swarm: only a manager can be told what to run`,
      'Name a manager with DOCKER_HOST or docker context use, or make this one: docker node promote <node>, on a manager',
    )
  }
  if (state === 'locked') throw missing(`the swarm of ${where} is locked`, 'docker swarm unlock')
  if (state === 'error' || state === 'pending')
    throw missing(`the swarm of ${where} is not ready (${state}): ${swarm?.Error ?? ''}`, 'docker info')
  throw missing(`${where} is in no swarm`, 'docker swarm init   makes one of it')
}

/** An engine that was just started has not found its swarm yet. Returns when it has, or has had its time. */
export async function untilManaged(engine: Engine, signal: AbortSignal): Promise<void> {
  for (const until = performance.now() + joinsWithinMs; performance.now() < until;) {
    const isThere = await Promise.all([managerNode(engine), engine.docker.listNodes()]).then(
      () => true,
      () => false,
    )
    if (isThere) return
    await sleep(500, undefined, { signal })
  }
}

async function wantedOf(stack: Stack, { engine, places, env }: Around): Promise<Wanted> {
  const rendered = render(stack, 'swarm', await readTemplates())
  const topology = topologyOf(stack, 'swarm')
  const comparison = await compareWithFolder(rendered, 'swarm', places.deploy)
  const model = await readModel(rendered, topology, profilesOf(env), { places, env })
  const optional = new Set(secretsOfStack(topology).flatMap(({ name, optional: may }) => (may ? [name] : [])))
  const missing = await Promise.all(
    model.secrets.map(async ({ key, file }): Promise<MissingSecret[]> => {
      if (await isThere(file)) return []
      return [{ name: key, file, kind: kindOf(key, optional.has(key)) }]
    }),
  )
  const ours = topology.workloads.flatMap(({ container: { image } }) =>
    image.build === undefined ? [] : [image.reference],
  )
  return {
    model,
    comparison,
    balancing: balancingOf(stack, topology),
    missing: missing.flat(),
    unbuilt: await absent(
      [...new Set(model.services.map(({ image }) => image))].filter((image) => ours.includes(image)),
      engine,
    ),
  }
}

/** As its file is rendered, byte for byte: what a balancer began with is then not told to it again. */
function balancingOf(stack: Stack, { workloads }: Topology): WantedBalancing | null {
  const workload = workloads.find(({ name }) => name === 'balancer')
  const places = workload === undefined ? null : balancerPlaces(workload)
  const reload = componentNamed(stack.balancer.component)?.reload
  if (places === null || reload === undefined) return null
  const { path, text } = configurationOf(stack)
  const file = `swarm/balancer/${path.split('/').at(-1)}`
  return {
    ...places,
    reload,
    text: withHeader(file, text, sourceOf(stack)),
    splits: stack.split !== undefined,
  }
}

function kindOf(name: string, optional: boolean): MissingSecret['kind'] {
  if (isOwnSecret(name)) return 'generated'
  return optional ? 'empty' : 'given'
}

/** As for Compose: `COMPOSE_PROFILES=observability,tracing`. @throws UserError (exit 2) for one that there is not */
function profilesOf(env: Env): Profile[] {
  const asked = (env['COMPOSE_PROFILES'] ?? '').split(',').map((name) => name.trim())
  return asked
    .filter((name) => name !== '')
    .map((name) => {
      const known = profiles.find((profile) => profile === name)
      if (known !== undefined) return known
      throw new UserError(`COMPOSE_PROFILES names ${name}, and there is no such profile`, {
        hint: `there are: ${profiles.join(', ')}`,
        exitCode: ExitCode.usage,
        code: 'usage',
      })
    })
}

/** What the docker command makes of the rendered files and the user's own, whether or not they are written yet. */
async function readModel(
  rendered: ReadonlyMap<string, string>,
  topology: Topology,
  asked: readonly Profile[],
  { places, env }: Pick<Around, 'places' | 'env'>,
): Promise<Model> {
  const folder = await mkdtemp(join(tmpdir(), 'ragscale-swarm-'))
  try {
    const names = ['stack.yaml', ...asked.map((profile) => `${profile}.yaml`)].filter((name) =>
      rendered.has(`swarm/${name}`),
    )
    for (const name of names) await writeWhole(join(folder, name), rendered.get(`swarm/${name}`) ?? '')
    const override = (await isThere(places.override)) ? [places.override] : []
    const files = [...names.map((name) => join(folder, name)), ...override]
    const { ok, stdout, stderr } = await callDocker(
      ['stack', 'config', ...files.flatMap((file) => ['-c', file])],
      {
        env,
      },
    )
    if (!ok) throw unreadable(stderr, override.length > 0, places)
    return modelOf(stdout, topology, (file) =>
      file.startsWith(`${folder}/`) ? join(places.swarm, file.slice(folder.length + 1)) : file,
    )
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

function unreadable(stderr: string, overridden: boolean, { override }: Places): UserError {
  if (
    /unknown (command|flag|shorthand)|is not a docker command|"docker stack( config)?" requires/i.test(stderr)
  ) {
    return new UserError('the docker command is too old: it knows no docker stack config', {
      hint: 'Version 25 or newer: https://docs.docker.com/engine/install/',
      exitCode: ExitCode.missing,
      code: 'docker',
    })
  }
  return new UserError(`docker could not read the stack's files: ${stderr.trim()}`, {
    ...(overridden ? { hint: `What is rendered is read by it in our tests: look at ${override}` } : {}),
    exitCode: ExitCode.usage,
    code: 'stack-file',
  })
}

async function leftoversOf(
  stack: Stack,
  { engine: { docker }, places }: Around,
  { foreign = [] }: FoundSwarm,
): Promise<Leftovers> {
  const ours = { label: [`${stackLabel}=${stack.name}`] }
  // A stack of the same name may run on this engine by Compose: its containers and its network are not the swarm's.
  const deployed = { label: [...ours.label, `${namespaceLabel}=${stack.name}`] }
  const [containers, networks, configs, secrets, { Volumes: volumes }] = await Promise.all([
    docker.listContainers({ all: true, filters: { ...deployed, status: ['exited', 'dead', 'created'] } }),
    docker.listNetworks({ filters: deployed }),
    docker.listConfigs() as unknown as Promise<NamedSpec[]>,
    docker.listSecrets() as unknown as Promise<NamedSpec[]>,
    docker.listVolumes({ filters: ours }),
  ])
  const named = (specs: readonly NamedSpec[]): string[] =>
    specs
      .filter(({ Spec }) => foreign.length === 0 && isOf(stack.name, Spec.Labels ?? {}))
      .map(({ Spec }) => Spec.Name)
  return {
    containers: containers.length,
    networks: networks.map(({ Name }) => Name),
    configs: named(configs),
    secrets: named(secrets),
    volumes: volumes.map(({ Name }) => Name),
    state: await isThere(places.state),
  }
}

interface NamedSpec {
  readonly Spec: { readonly Name: string; readonly Labels?: Record<string, string> | null }
}

async function absent(images: readonly string[], { docker }: Engine): Promise<string[]> {
  const looked = await Promise.all(
    images.map(async (image) =>
      docker
        .getImage(image)
        .inspect()
        .then(
          () => null,
          () => image,
        ),
    ),
  )
  return looked.filter((image) => image !== null)
}

async function isThere(path: string): Promise<boolean> {
  return await stat(path).then(
    () => true,
    () => false,
  )
}
