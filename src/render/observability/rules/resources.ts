/**
 * CPU, memory and restarts of every replica, from whatever the target has that tells: cAdvisor on Docker, the kubelet
 * and kube-state-metrics on Kubernetes, the services themselves on plain hosts. All record the same names, which
 * alerts and dashboards are written on.
 */
import type { RenderTarget } from '../../topology.ts'
import { series } from '../scope.ts'
import { type Watched, tierJobs } from '../watched.ts'
import type { RecordingRule, RuleGroup } from './rule.ts'

/**
 * How often a replica must have restarted within half an hour to be called unstable: once may be a deploy.
 */
export const restartsTooMany = 2

export function resourceRecording(watched: Watched): RuleGroup<RecordingRule> {
  const because: Record<RenderTarget, string> = {
    compose: 'From cAdvisor (profile observability), by the labels that the containers carry.',
    swarm: 'From cAdvisor on every node, by the labels that the containers carry.',
    kubernetes:
      'From the kubelet’s cAdvisor and kube-state-metrics. The main container of every pod has the name of its tier.',
    systemd: 'From the services themselves: Node.js processes, each of which computes on one core.',
  }
  return { name: 'ragscale.resources', because: because[watched.target], rules: byTarget(watched) }
}

function byTarget(watched: Watched): readonly RecordingRule[] {
  switch (watched.target) {
    case 'compose':
    case 'swarm':
      return docker(watched)
    case 'kubernetes':
      return kubernetes(watched)
    case 'systemd':
      return plainHosts(watched)
  }
}

function docker({ scope }: Watched): readonly RecordingRule[] {
  const of = (metric: string): string => series(scope, metric, 'job="cadvisor"', 'tier!=""')
  const by = 'by (tier, replica, instance)'
  return [
    {
      record: 'replica:cpu_cores:rate2m',
      expr: `sum ${by} (rate(${of('container_cpu_usage_seconds_total')}[2m]))`,
    },
    {
      record: 'replica:cpu_limit:cores',
      expr: [
        `max ${by} (${of('container_spec_cpu_quota')} / ${of('container_spec_cpu_period')})`,
        'or',
        `(0 * max ${by} (${of('container_start_time_seconds')}))`,
        `+ on (instance) group_left () max by (instance) (${series(scope, 'machine_cpu_cores', 'job="cadvisor"')})`,
      ].join('\n'),
      because: 'What it may use; without a limit, all cores of its machine.',
    },
    ...cpuShare(scope),
    { record: 'replica:memory:bytes', expr: `max ${by} (${of('container_memory_working_set_bytes')})` },
    {
      record: 'replica:memory_utilization:ratio',
      expr: `max ${by} (${of('container_memory_working_set_bytes')} / (${of('container_spec_memory_limit_bytes')} > 0))`,
    },
    {
      record: 'replica:start_time:seconds',
      expr: `max by (tier, replica) (${of('container_start_time_seconds')})`,
    },
    {
      record: 'replica:restarts:changes30m',
      expr: `changes(${series(scope, 'replica:start_time:seconds')}[30m])`,
      because: 'A container that was made anew under its old name counts as well.',
    },
    {
      record: 'replica:out_of_memory:increase30m',
      expr: `sum by (tier, replica) (increase(${of('container_oom_events_total')}[30m]))`,
    },
  ]
}

function kubernetes(watched: Watched): readonly RecordingRule[] {
  const { scope } = watched
  const tiers = [...new Set(tierJobs(watched).map(({ name }) => name))].join('|')
  const of = (metric: string, ...matchers: string[]): string =>
    series(scope, metric, `container=~"${tiers}"`, ...matchers)
  const named = (expr: string): string =>
    `label_replace(label_replace(\n  ${expr},\n  "tier", "$1", "container", "(.*)"), "replica", "$1", "pod", "(.*)"\n)`
  const by = 'by (pod, container)'
  const limit = (resource: string): string =>
    [
      `max ${by} (${of('kube_pod_container_resource_limits', `resource="${resource}"`)})`,
      `or max ${by} (${of('kube_pod_container_resource_requests', `resource="${resource}"`)})`,
    ].join('\n  ')
  return [
    {
      record: 'replica:cpu_cores:rate2m',
      expr: named(`sum ${by} (rate(${of('container_cpu_usage_seconds_total')}[2m]))`),
    },
    {
      record: 'replica:cpu_limit:cores',
      expr: named(limit('cpu')),
      because: 'Its limit; without one what it asked for, beyond which it lives on what others leave.',
    },
    ...cpuShare(scope),
    {
      record: 'replica:memory:bytes',
      expr: named(`max ${by} (${of('container_memory_working_set_bytes')})`),
    },
    {
      record: 'replica:memory_utilization:ratio',
      expr: named(
        `max ${by} (${of('container_memory_working_set_bytes')})\n  / max ${by} (${of('kube_pod_container_resource_limits', 'resource="memory"')})`,
      ),
    },
    {
      record: 'replica:restarts:changes30m',
      expr: named(`max ${by} (increase(${of('kube_pod_container_status_restarts_total')}[30m]))`),
    },
    {
      record: 'replica:out_of_memory:increase30m',
      expr: named(
        `max ${by} (increase(${of('kube_pod_container_status_restarts_total')}[30m]))\n  * max ${by} (${of('kube_pod_container_status_last_terminated_reason', 'reason="OOMKilled"')})`,
      ),
    },
  ]
}

function plainHosts(watched: Watched): readonly RecordingRule[] {
  const { scope } = watched
  return tierJobs(watched)
    .filter(({ observed }) => observed?.exports['process_cpu_seconds_total'] !== undefined)
    .flatMap(({ name, tier, workload }): RecordingRule[] => {
      const of = (metric: string): string => series(scope, metric, `job="${name}"`)
      const { cpus, memoryBytes } = workload.container.resources.limit
      const cores = `sum by (replica) (rate(${of('process_cpu_seconds_total')}[2m]))`
      const memory = `max by (replica) (${of('process_resident_memory_bytes')})`
      const restarts = `max by (replica) (changes(${of('process_start_time_seconds')}[30m]))`
      const rules: readonly RecordingRule[] = [
        { record: 'replica:cpu_cores:rate2m', expr: cores },
        {
          record: 'replica:cpu_utilization:ratio',
          expr: `${cores} / ${cpus ?? 1}`,
          because: `CPU up to ${cpus ?? 1} and ${memoryBytes} bytes of memory, as the unit has it.`,
        },
        { record: 'replica:memory:bytes', expr: memory },
        { record: 'replica:memory_utilization:ratio', expr: `${memory} / ${memoryBytes}` },
        { record: 'replica:restarts:changes30m', expr: restarts },
      ]
      return rules.map((rule) => ({ ...rule, labels: { tier } }))
    })
}

function cpuShare(scope: Watched['scope']): RecordingRule[] {
  return [
    {
      record: 'replica:cpu_utilization:ratio',
      expr: `${series(scope, 'replica:cpu_cores:rate2m')} / ${series(scope, 'replica:cpu_limit:cores')}`,
    },
  ]
}
