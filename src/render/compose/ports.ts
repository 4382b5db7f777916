/** What is reachable from outside of the stack's network, and where. */
import { type BalancedTier, balancedTiers, balancerPorts } from '../../catalog/container.ts'
import type { Topology, Workload } from '../topology.ts'

export interface PublishedPort {
  /** Of the workload whose port it is. */
  readonly workload: string
  /** The variable by which somebody moves it. */
  readonly variable: string
  /** What the variable is when nobody sets it: a port, for the front door an address with its port. */
  readonly value: string
  /** In the container. */
  readonly target: number
  readonly frontDoor: boolean
  readonly what: string
}

/** Where people look at things: the port on the host, beside those of the tiers. */
const pages: Readonly<Record<string, number>> = { prometheus: 9090, grafana: 3000, jaeger: 16686, ui: 3001 }

/**
 * The front door on every address of the machine; the other tiers and the pages on 127.0.0.1 only: load tests and
 * people on the machine reach them, the network does not.
 */
export function publishedPorts({ workloads }: Topology): PublishedPort[] {
  return workloads.flatMap((workload) =>
    workload.name === 'balancer' ? tierPorts(workload) : pagePort(workload),
  )
}

function tierPorts({ container }: Workload): PublishedPort[] {
  const listened = balancedTiers.filter((tier) => container.ports[tier] !== undefined)
  return listened.map((tier: BalancedTier) => {
    const port = balancerPorts[tier]
    const frontDoor = tier === 'gateway'
    return {
      workload: 'balancer',
      variable: frontDoor ? 'RAGSCALE_FRONT_DOOR' : `RAGSCALE_${tier.toUpperCase()}_PORT`,
      value: frontDoor ? `0.0.0.0:${port}` : String(port),
      target: port,
      frontDoor,
      what: frontDoor
        ? 'the front door: the gateway, on every address of the machine'
        : `${tier}, for load tests`,
    }
  })
}

function pagePort({ name, container }: Workload): PublishedPort[] {
  const port = pages[name]
  const { http } = container.ports
  if (port === undefined || http === undefined) return []
  return [
    {
      workload: name,
      variable: `RAGSCALE_${name.toUpperCase()}_PORT`,
      value: String(port),
      target: http,
      frontDoor: false,
      what: `${name}’s pages`,
    },
  ]
}

/** In Compose's short syntax: address, port on the host, port in the container. */
export function portText({ variable, value, target, frontDoor }: PublishedPort): string {
  const asked = `\${${variable}:-${value}}`
  return frontDoor ? `${asked}:${target}` : `127.0.0.1:${asked}:${target}`
}
