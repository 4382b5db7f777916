/** What pods ask of nodes, and what nodes have left. */
import { formatSize } from '../../stack/units.ts'
import type { Amounts, ContainerSpec, Node, Pod } from './objects.ts'
import { quantity } from './quantity.ts'

/** By resource: cores, bytes or pieces. */
export type Needs = ReadonlyMap<string, number>

/**
 * What the scheduler reserves for a pod: its containers and sidecars together, or its largest init container where
 * that wants more, and one of the node's places for pods.
 */
export function needsOf({ spec }: Pick<Pod, 'spec'>): Needs {
  const { containers, initContainers = [], overhead = {} } = spec
  const sidecars = initContainers.filter(({ restartPolicy }) => restartPolicy === 'Always')
  const together = sum([...containers, ...sidecars].map(requestsOf))
  const largest = most(initContainers.filter((one) => !sidecars.includes(one)).map(requestsOf))
  return sum([most([together, largest]), amounts(overhead), new Map([['pods', 1]])])
}

export function capacityOf({ status }: Node): Needs {
  return amounts(status?.allocatable ?? {})
}

/** Of a node, with what runs on it; what has ended holds nothing. */
export function freeOn(node: Node, pods: readonly Pod[]): Needs {
  const used = sum(pods.filter((pod) => isOn(pod, node)).map(needsOf))
  return new Map([...capacityOf(node)].map(([name, has]) => [name, has - (used.get(name) ?? 0)]))
}

function isOn({ spec, status }: Pod, node: Node): boolean {
  return spec.nodeName === node.metadata.name && status?.phase !== 'Succeeded' && status?.phase !== 'Failed'
}

/** `4 GPUs`, `2.5 CPUs`, `16 GB of memory` */
export function amountWords(resource: string, amount: number): string {
  if (resource === 'cpu') return `${rounded(amount)} ${amount === 1 ? 'CPU' : 'CPUs'}`
  if (resource === 'memory') return `${formatSize(Math.round(amount))} of memory`
  if (resource === 'ephemeral-storage') return `${formatSize(Math.round(amount))} of a node's disk`
  if (resource === 'pods') return amount === 1 ? 'a place for a pod' : `${amount} places for pods`
  if (isGpu(resource)) return `${amount} ${amount === 1 ? 'GPU' : 'GPUs'}`
  return `${amount} × ${resource}`
}

/** As after `0 free …`: what of a resource is left. */
export function leftWords(resource: string, amount: number): string {
  const left = Math.max(0, amount)
  if (resource === 'cpu') return rounded(left)
  return resource === 'memory' || resource === 'ephemeral-storage'
    ? formatSize(Math.floor(left))
    : String(left)
}

export function isGpu(resource: string): boolean {
  return /\/(gpu|mig-.*)$/.test(resource)
}

function requestsOf({ resources = {} }: ContainerSpec): Needs {
  // What is limited and not requested is requested as much.
  return amounts({ ...resources.limits, ...resources.requests })
}

function amounts(of: Amounts): Needs {
  return new Map(Object.entries(of).map(([name, text]) => [name, quantity(text)]))
}

function sum(all: readonly Needs[]): Needs {
  return merged(all, (a, b) => a + b)
}

function most(all: readonly Needs[]): Needs {
  return merged(all, Math.max)
}

function merged(all: readonly Needs[], join: (a: number, b: number) => number): Needs {
  const result = new Map<string, number>()
  for (const needs of all) {
    for (const [name, amount] of needs) result.set(name, join(result.get(name) ?? 0, amount))
  }
  return result
}

function rounded(amount: number): string {
  return String(Math.round(amount * 1000) / 1000)
}
