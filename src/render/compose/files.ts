/** Configuration files: where each lies below `deploy/<target>/`, and where its container sees it. */
import { observabilityRoot } from '../observability/places.ts'
import type { Rendered } from '../rendered.ts'
import type { Topology, Workload } from '../topology.ts'

export interface MountedFile {
  /** Its name among the file's `configs`: `gateway-config.json`. */
  readonly config: string
  /** Below `deploy/<target>/`: `gateway/config.json`. */
  readonly source: string
  /** In the container. */
  readonly path: string
  readonly text: string
}

/** Where the servers look that `render/observability` writes for, as it promises; their files keep their folders. */
const watchers: Readonly<Record<string, string>> = {
  prometheus: '/etc/prometheus',
  grafana: '/etc/grafana',
  collector: '/etc/otelcol-contrib',
}

/** What a workload's own container brings along. */
export function ownFilesOf({ name, container }: Workload): MountedFile[] {
  const paths = container.files.map(({ path }) => path)
  return container.files.map(({ path, text }) => {
    const file = ownName(path, paths)
    return { config: `${name}-${file}`, source: `${name}/${file}`, path, text }
  })
}

/** What `render/observability` wrote for a workload; nothing for most. */
export function watchingFilesOf(
  { target }: Topology,
  { name }: Workload,
  observability: Rendered,
): MountedFile[] {
  const root = watchers[name]
  if (root === undefined) return []
  const folder = `${observabilityRoot[target]}/${name}/`
  return [...observability]
    .filter(([path]) => path.startsWith(folder))
    .map(([path, text]) => {
      const inner = path.slice(folder.length)
      return {
        config: `${name}-${inner.replaceAll('/', '-')}`,
        source: `${name}/${inner}`,
        path: `${root}/${inner}`,
        text,
      }
    })
}

/** The last part of a path; all of it where another file ends in the same. */
function ownName(path: string, all: readonly string[]): string {
  const last = lastOf(path)
  return all.filter((other) => lastOf(other) === last).length === 1
    ? last
    : path.slice(1).replaceAll('/', '-')
}

function lastOf(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1)
}
