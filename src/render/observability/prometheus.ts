/** Prometheus' own configuration: what it scrapes, and by which names it knows it. Kubernetes has ServiceMonitors. */
import { Document, type YAMLMap, isMap, isSeq } from 'yaml'
import { cadvisorObserved } from '../../catalog/cadvisor/observed.ts'
import type { Workload } from '../topology.ts'
import { isNumbered } from '../compose/services.ts'
import { comment } from './rules/rule.ts'
import type { Job, Watched } from './watched.ts'

/** Often enough that a load test's step of 30 s is seen twice, and as often as the rules are evaluated. */
const interval = '15s'

/** Where Prometheus of Compose and Swarm finds what `secrets/` holds. */
const secretsFolder = '/run/secrets'

export function prometheusText(watched: Watched): string {
  const document = new Document({
    global: {
      scrape_interval: interval,
      evaluation_interval: interval,
      external_labels: { stack: watched.stack.name },
    },
    rule_files: ['rules/*.yaml'],
    alerting: { alertmanagers: [{ file_sd_configs: [{ files: ['alertmanagers.override.yaml'] }] }] },
    scrape_configs: watched.jobs.map((job) => scrapeConfig(watched, job)),
  })
  const root = document.contents
  if (!isMap(root)) throw new Error('a configuration is a map')
  for (const pair of root.items.slice(1)) (pair.key as { spaceBefore?: boolean }).spaceBefore = true
  explain(
    root,
    'alerting',
    'Alerts are shown at /alerts. To be told of them, run an Alertmanager, and put a file alertmanagers.override.yaml beside this one where Prometheus sees it: - targets: ["alertmanager:9093"]',
  )
  const jobs = document.get('scrape_configs')
  if (isSeq<YAMLMap>(jobs)) {
    for (const [index, node] of jobs.items.entries()) {
      const { workload } = watched.jobs[index]!
      if (index > 0) node.spaceBefore = true
      const profile = workload.profile === null ? '' : ` Runs with the profile ${workload.profile}.`
      node.commentBefore = comment(`${workload.count} × ${workload.component}.${profile}`)
    }
  }
  return document.toString({ lineWidth: 0 })
}

function explain(root: YAMLMap, key: string, text: string): void {
  const pair = root.items.find((item) => String(item.key) === key)
  if (pair !== undefined) (pair.key as { commentBefore?: string }).commentBefore = comment(text)
}

interface RelabelConfig {
  readonly source_labels?: readonly string[]
  readonly regex?: string
  readonly target_label?: string
  readonly replacement?: string
  readonly action?: string
}

function scrapeConfig(watched: Watched, job: Job): Record<string, unknown> {
  const { name, tier, workload } = job
  const { path } = workload.metrics ?? { path: '/metrics' }
  const key = keyOf(workload)
  return {
    job_name: name,
    ...(path === '/metrics' ? {} : { metrics_path: path }),
    ...(key === null ? {} : { authorization: { credentials_file: `${secretsFolder}/${key}` } }),
    ...found(watched, job),
    relabel_configs: [{ target_label: 'tier', replacement: tier }, ...replicaLabel(watched, workload)],
    ...(name === 'cadvisor' ? { metric_relabel_configs: containersByTier } : {}),
  }
}

/** The API key of a server whose metrics have no port of their own; null: anybody may read them. */
function keyOf({ tier, container, metrics }: Workload): string | null {
  // Others hold the same key to call the vector database with.
  if (tier !== 'vector' || metrics?.port !== container.ports['http']) return null
  return container.secrets.find(({ name }) => name === 'qdrant-api-key')?.name ?? null
}

function found({ target }: Watched, { name, workload }: Job): Record<string, unknown> {
  const port = workload.metrics?.port ?? 0
  if (name === 'prometheus') return { static_configs: [{ targets: [`localhost:${port}`] }] }
  if (target === 'systemd') {
    return { file_sd_configs: [{ files: [`targets/${name}.yaml`, `targets/${name}.override.yaml`] }] }
  }
  return {
    dns_sd_configs: [{ names: namesOf(target, workload), type: 'A', port, refresh_interval: interval }],
  }
}

/**
 * Names whose A records are the replicas'. On Swarm a service's own name is a virtual address, `tasks.<name>` is not.
 * On Compose each replica with GPUs is a service of its own, as each node of a cluster is everywhere.
 */
function namesOf(target: Watched['target'], workload: Workload): readonly string[] {
  const prefix = target === 'swarm' ? 'tasks.' : ''
  if (!isNumbered(workload, target)) return [`${prefix}${workload.name}`]
  return Array.from({ length: workload.count }, (_, index) => `${prefix}${workload.name}-${index + 1}`)
}

function replicaLabel({ target }: Watched, workload: Workload): RelabelConfig[] {
  if (target !== 'systemd' && isNumbered(workload, target)) {
    return [{ source_labels: ['__meta_dns_name'], regex: '(?:tasks\\.)?(.+)', target_label: 'replica' }]
  }
  // On plain hosts several instances share a host: there the port belongs to the name.
  const regex = target === 'systemd' ? '(.+)' : '(.+):\\d+'
  return [{ source_labels: ['__address__'], regex, target_label: 'replica' }]
}

/** Labels that Compose and Swarm give every container of the stack, as cAdvisor spells them. */
const tierLabel = 'container_label_com_ragscale_tier'

/**
 * Of what cAdvisor tells, only what the rules read, only of this stack's containers, by tier and name instead of by
 * every label that a container carries.
 */
const containersByTier: readonly RelabelConfig[] = [
  {
    source_labels: ['__name__'],
    regex: Object.keys(cadvisorObserved.exports).join('|'),
    action: 'keep',
  },
  { source_labels: [tierLabel], target_label: 'tier' },
  // Swarm ends a task's name with an id that no restart keeps.
  { source_labels: ['name'], regex: '(.+?)(?:\\.[a-z0-9]{25})?', target_label: 'replica' },
  { source_labels: ['__name__', 'tier'], regex: 'container_.*;', action: 'drop' },
  { regex: 'container_label_.*|container_env_.*|id|name', action: 'labeldrop' },
]
