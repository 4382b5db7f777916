/** Configuration files of workloads, as files of the chart. */
import type { ConfigFile } from '../../catalog/container.ts'
import type { Topology } from '../topology.ts'

/** Where in the chart a workload's file is: `files/config/gateway/etc.ragscale.config.json`. */
export function chartFileOf(workload: string, file: ConfigFile): string {
  return `files/config/${workload}/${file.path.replace(/^\//, '').replaceAll('/', '.')}`
}

/** Path in the chart → text, evaluated by the chart where it names what is in it. */
export function configFiles({ workloads }: Topology): Map<string, string> {
  return new Map(
    workloads.flatMap(({ name, container }) =>
      container.files.map((file) => [chartFileOf(name, file), file.text] as const),
    ),
  )
}
