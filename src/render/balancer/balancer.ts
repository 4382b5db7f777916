import { type Balancing, balancedTiersOf, type Pool, type Upstream } from '../../catalog/balancing.ts'
import { componentNamed, components, servingComponent } from '../../catalog/catalog.ts'
import { type Component, namesOf } from '../../catalog/component.ts'
import { type BalancedTier, balancerPorts, type ConfigFile } from '../../catalog/container.ts'
import { nextOf } from '../../catalog/releases.ts'
import { ExitCode, UserError } from '../../errors.ts'
import type { Stack } from '../../stack/stack.ts'
import { clusterDns, replicasHost } from '../helm/addresses.ts'
import type { RenderTarget } from '../topology.ts'
import { trafficOf } from './traffic.ts'

/** Targets where the balancer is a container of ours; on plain hosts it is what the hosts already have. */
export type BalancedTarget = Exclude<RenderTarget, 'systemd'>

/**
 * The configuration of the stack's balancer: where it is mounted, and its text (for `kubernetes` with Helm-template
 * text in it). Throws a UserError (exit 2) where the component cannot stand before containers.
 */
export function renderBalancer(stack: Stack, target: BalancedTarget): ConfigFile {
  return balancerOf(stack).balance(balancingOf(stack, target))
}

/** What the balancer is told of a stack. */
export function balancingOf(stack: Stack, target: BalancedTarget): Balancing {
  return {
    upstreams: balancedTiersOf(stack).map((tier) => upstreamOf(stack, tier, target)),
    resolver: target === 'kubernetes' ? clusterDns : dockerDns,
  }
}

/** Docker's own DNS server, in every container on a network of a user's. */
const dockerDns = '127.0.0.11'

function upstreamOf(stack: Stack, tier: BalancedTier, target: BalancedTarget): Upstream {
  const component = componentOf(stack, tier)
  const port = component.ports['http']
  if (port === undefined) throw new Error(`component ${component.name} fills ${tier} and has no port http`)
  const share = stack.split?.tier === tier ? stack.split.share : null
  const current: Pool = { name: tier, host: hostOf(tier, target), port, share: 100 - (share ?? 0) }
  return {
    tier,
    listen: balancerPorts[tier],
    // Every node of a vector cluster works on every query, whoever was asked: taking turns spreads the asking evenly.
    policy: tier === 'vector' ? 'round-robin' : stack.balancer.policy,
    pools: share === null ? [current] : [current, nextPool(stack, tier, target, share)],
    healthPath: component.healthPath,
    slots: slotsOf(stack, tier),
    traffic: trafficOf[tier],
  }
}

/** The second version's: another component may listen on another port. */
function nextPool(stack: Stack, tier: BalancedTier, target: BalancedTarget, share: number): Pool {
  const version = componentOf({ ...stack, tiers: { ...stack.tiers, [tier]: stack.split?.version } }, tier)
  const port = version.ports['http']
  if (port === undefined) throw new Error(`component ${version.name} fills ${tier} and has no port http`)
  return { name: nextOf(tier), host: hostOf(nextOf(tier), target), port, share }
}

/** A name that resolves to every replica, not to one address in front of them: the balancer does the balancing. */
function hostOf(workload: string, target: BalancedTarget): string {
  switch (target) {
    case 'compose':
      return workload
    case 'swarm':
      // Without `tasks.` it is a virtual IP that balances connections, whatever is in flight.
      return `tasks.${workload}`
    case 'kubernetes':
      return replicasHost(workload)
  }
}

/** Room for as many replicas as the stack may ever have, and for `scale` to double what it says now. */
function slotsOf(stack: Stack, name: BalancedTier): number {
  const tier = stack.tiers[name]
  if (tier === undefined) return 0
  const now = 'nodes' in tier ? tier.nodes : tier.replicas
  const most = 'autoscale' in tier ? (tier.autoscale?.max ?? 0) : 0
  return Math.max(2 * now, most, stack.limits.replicas ?? 0)
}

function componentOf(stack: Stack, tier: BalancedTier): Component {
  const name = stack.tiers[tier]?.component ?? ''
  const component = servingComponent(stack, tier)
  if (component !== undefined) return component
  throw new UserError(`tiers.${tier}.component: there is no component ${name}`, {
    exitCode: ExitCode.usage,
    code: 'config',
  })
}

function balancerOf(stack: Stack): Component & Required<Pick<Component, 'balance'>> {
  const component = componentNamed(stack.balancer.component)
  if (component !== undefined && canBalance(component)) return component
  throw new UserError(
    `balancer.component: ${stack.balancer.component} stands before processes of this machine only`,
    {
      hint: `One of these stands before containers: ${namesOf(components.filter(canBalance))}.`,
      exitCode: ExitCode.usage,
      code: 'config',
    },
  )
}

function canBalance(component: Component): component is Component & Required<Pick<Component, 'balance'>> {
  return component.balance !== undefined
}
