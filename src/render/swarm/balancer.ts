/**
 * The balancer of a swarm, which takes up another configuration while it runs (`Component.reload`). A config of a swarm
 * never changes, and a service that is given another one is replaced: for a balancer, which holds ports of its node, a
 * gap. So what is mounted is where it begins, copied into memory to where the program reads it, and can be written over.
 */
import { componentNamed } from '../../catalog/catalog.ts'
import type { ConfigFile } from '../../catalog/container.ts'
import type { Stack } from '../../stack/stack.ts'
import { renderBalancer } from '../balancer/balancer.ts'
import type { Topology, Workload } from '../topology.ts'

/** Where in its container the configuration is that it begins with, and the one that it reads. */
export interface BalancerPlaces {
  readonly begins: string
  /** In `/tmp`, which is in memory, and its user's to write to. */
  readonly reads: string
  readonly flag: string
}

/** Null for whatever cannot be told another configuration while it runs. */
export function balancerPlaces({ name, component, container }: Workload): BalancerPlaces | null {
  const [file] = container.files
  const flag = componentNamed(component)?.reload?.flag
  if (name !== 'balancer' || file === undefined || flag === undefined) return null
  return { begins: file.path, reads: `/tmp/ragscale-${file.path.split('/').at(-1)}`, flag }
}

/** The program, which is told where its configuration lies once it lies there. */
export function startFrom(
  { begins, reads, flag }: BalancerPlaces,
  {
    entrypoint: [program = '', ...given],
    command,
  }: { readonly entrypoint: readonly string[]; readonly command: readonly string[] },
): { entrypoint: readonly string[]; command: readonly string[] } {
  const others = [...given, ...command].filter(
    (part, index, all) => part !== begins && !(part === flag && all[index + 1] === begins),
  )
  return {
    entrypoint: ['/bin/sh', '-c', `cp ${begins} ${reads} && exec "$0" "$@"`, program, flag, reads, ...others],
    command: [],
  }
}

/** What a balancer that starts anew goes by: every request to the version that was there before a rollout. */
export function beginningOf(topology: Topology): Topology {
  const { split, ...whole } = topology.stack
  if (split === undefined) return topology
  return {
    ...topology,
    workloads: topology.workloads.map((workload) =>
      balancerPlaces(workload) === null
        ? workload
        : { ...workload, container: { ...workload.container, files: [configurationOf(whole)] } },
    ),
  }
}

/** What the stack's balancer is to go by, shares included. */
export function configurationOf(stack: Stack): ConfigFile {
  return renderBalancer(stack, 'swarm')
}
