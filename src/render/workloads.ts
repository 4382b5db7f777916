/** From a stack to the workloads that it is on a target: what runs, how many of it, and after what. Pure. */
import { counted } from '../stack/counted.ts'
import { componentNamed, isEmulated, servingComponent } from '../catalog/catalog.ts'
import type { Component } from '../catalog/component.ts'
import type { Container, Deployment } from '../catalog/container.ts'
import { providerOf } from '../catalog/provided.ts'
import { nextOf } from '../catalog/releases.ts'
import { ExitCode, UserError } from '../errors.ts'
import type { ReplicaTier, ReplicaTierName, SplitTier, Stack, Tier } from '../stack/stack.ts'
import { addressesOf } from './addresses.ts'
import { balancerWorkload } from './balancer-workload.ts'
import { observabilityWorkloads } from './observability-workloads.ts'
import { reservingLittle } from './light-reservations.ts'
import { nodesReason, replicasReason } from './reasons.ts'
import { rehearsedContainer } from './rehearsal.ts'
import { supportWorkloads } from './support-workloads.ts'
import type { After, RenderTarget, Topology, Workload } from './topology.ts'

/**
 * Every workload of the stack, in the order in which they are shown: what waits for another comes after it.
 * Throws a UserError (exit 2) where the stack cannot run on the target.
 */
export function topologyOf(given: Stack, target: RenderTarget): Topology {
  // What is rendered runs there for real, also where ragscale.yaml itself says `local`.
  const stack: Stack = { ...given, target: target === 'systemd' ? 'compose' : target }
  const addresses = addressesOf(target)
  const about = (tier: string): Deployment => ({ stack, tier, addresses, target })
  const all = [
    ...supportWorkloads(about),
    ...vectorWorkloads(about),
    ...bothReleases('embed', about, serversOf),
    ...bothReleases('rerank', about, serversOf),
    ...bothReleases('generate', about, serversOf),
    ...replicasOf('cache', about),
    ...bothReleases('gateway', about, (name, about) => replicasOf(name, about, afterPrepared(stack))),
    ...replicasOf('worker', about, afterPrepared(stack)),
    ...balancerWorkload(about),
    ...observabilityWorkloads(about),
  ]
  const workloads = stack.rehearse ? all.map((workload) => reservingLittle(workload, stack)) : all
  return { stack, target, workloads: target === 'systemd' ? workloads.filter(runsOnHosts) : workloads }
}

type About = (tier: string) => Deployment

/** What ragscale puts on plain hosts: its own services. The rest of the stack is the operator's there. */
function runsOnHosts({ name }: Workload): boolean {
  return name === 'gateway' || name === 'worker'
}

/** A tier's workloads; and while it is being rolled out those of its second version, under names of their own. */
function bothReleases<Name extends SplitTier>(
  name: Name,
  about: About,
  of: (name: Name, about: About) => Workload[],
): Workload[] {
  const { stack } = about(name)
  const { split, ...whole } = stack
  const current = of(name, about)
  if (split?.tier !== name) return current
  const next: Stack = { ...whole, tiers: { ...whole.tiers, [name]: split.version } }
  const renamed = (other: string): string =>
    current.some((workload) => workload.name === other) ? nextOf(other) : other
  return [
    ...current,
    ...of(name, (tier) => ({ ...about(tier), stack: next })).map((workload) => ({
      ...workload,
      name: nextOf(workload.name),
      because: `the second version, beside the first for as long as \`ragscale rollout\` compares them; ${workload.because}`,
      after: workload.after.map(({ name: other, until }) => ({ name: renamed(other), until })),
    })),
  ]
}

/** A tier that serves a model: its replicas, and before them the job that fetches the model for all of them. */
function serversOf(name: 'embed' | 'rerank' | 'generate', about: About): Workload[] {
  const { stack } = about(name)
  const tier = stack.tiers[name]
  if (tier === undefined || providerOf(stack, name) !== undefined) return []
  const component = known(stack, name)
  const prefetch = stack.rehearse ? null : (component.prefetch?.(about(name)) ?? null)
  if (prefetch === null) return replicasOf(name, about)
  const job: Workload = {
    ...jobOf(`models-${name}`, name, component, prefetch, []),
    because: `fetches ${tier.model ?? 'the model'} once, into the volume that all ${name} replicas read it from`,
  }
  return [job, ...replicasOf(name, about, [{ name: job.name, until: 'completed' }])]
}

function replicasOf(name: ReplicaTierName, about: About, after: readonly After[] = []): Workload[] {
  const { stack } = about(name)
  const tier: ReplicaTier | undefined = stack.tiers[name]
  if (tier === undefined) return []
  const component = known(stack, name)
  const container = containerOf(component, name, about)
  if (container === null) return []
  return [
    {
      name,
      tier: name,
      component: component.name,
      kind: 'replicas',
      // Redis holds one cache: more of them would each hold another.
      count: name === 'cache' ? 1 : tier.replicas,
      because: replicasReason(stack, name, tier),
      container,
      after,
      profile: null,
      metrics: metricsOf(component, container),
    },
  ]
}

function vectorWorkloads(about: About): Workload[] {
  const { stack } = about('vector')
  const { vector } = stack.tiers
  if (vector === undefined) return []
  const component = known(stack, 'vector')
  const container = containerOf(component, 'vector', about)
  if (container === null) return []
  const nodes: Workload = {
    name: 'vector',
    tier: 'vector',
    component: component.name,
    kind: 'nodes',
    count: vector.nodes,
    because: nodesReason(vector),
    container,
    after: [],
    profile: null,
    metrics: metricsOf(component, container),
  }
  const prepare = component.prepare?.(about('vector'))
  if (prepare === undefined) return [nodes]
  const { shards, replication } = vector.collection
  return [
    nodes,
    {
      ...jobOf('collection', 'vector', component, prepare, [{ name: 'vector', until: 'healthy' }]),
      because: `creates the collection with its ${counted(shards, 'shard')} in ${counted(replication, 'copy', 'copies')}, which the first write would not`,
    },
  ]
}

/** What reads and writes the collection begins when it is there. */
function afterPrepared(stack: Stack): After[] {
  const prepares = componentNamed(stack.tiers.vector?.component ?? '')?.prepare !== undefined
  return prepares ? [{ name: 'collection', until: 'completed' }] : []
}

function jobOf(
  name: string,
  tier: string,
  component: Component,
  container: Container,
  after: After[],
): Workload {
  return {
    name,
    tier,
    component: component.name,
    kind: 'job',
    count: 1,
    because: 'runs once',
    container,
    after,
    profile: null,
    metrics: null,
  }
}

/** Null where nothing of it runs by itself: a cache that every gateway keeps for itself. */
function containerOf(component: Component, tier: Tier, about: About): Container | null {
  const { stack, addresses } = about(tier)
  if (stack.rehearse && isEmulated(tier)) return rehearsedContainer(stack, tier, addresses)
  if (component.deploy !== undefined) return component.deploy(about(tier))
  if (tier === 'cache' || providerOf(stack, tier) !== undefined) return null
  throw new Error(`component ${component.name} fills ${tier} and says no container`)
}

/** Metrics that need no key where there is a port for them, else those of the API. */
function metricsOf(component: Component, { ports }: Container): Workload['metrics'] {
  const port = ports['metrics'] ?? ports['http']
  return component.metricsPath === null || port === undefined ? null : { port, path: component.metricsPath }
}

function known(stack: Stack, tier: Tier): Component {
  const component = servingComponent(stack, tier)
  if (component !== undefined) return component
  throw new UserError(`tiers.${tier}.component: there is no component ${stack.tiers[tier]?.component}`, {
    exitCode: ExitCode.usage,
    code: 'config',
  })
}
