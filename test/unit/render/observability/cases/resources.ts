import { type AlertCase, type Series, rising, steady } from '../alert-case.ts'

const container = 'job="cadvisor", instance="host:8080", tier="embed", replica="handbook-embed-1"'

/** A container with two cores and 4 GB, of which it uses these shares. */
function docker({ cpu = 0.1, memory = 0.1 }: { cpu?: number; memory?: number }): Series {
  return {
    [`container_cpu_usage_seconds_total{${container}, cpu="total"}`]: rising(2 * cpu),
    [`container_spec_cpu_quota{${container}}`]: steady(200_000),
    [`container_spec_cpu_period{${container}}`]: steady(100_000),
    [`container_memory_working_set_bytes{${container}}`]: steady(4e9 * memory),
    [`container_spec_memory_limit_bytes{${container}}`]: steady(4e9),
    [`container_start_time_seconds{${container}}`]: steady(1_000),
    'machine_cpu_cores{job="cadvisor", instance="host:8080"}': steady(8),
  }
}

/** The same without limits: all eight cores of the host. */
function unlimited(cores: number): Series {
  return {
    [`container_cpu_usage_seconds_total{${container}, cpu="total"}`]: rising(cores),
    [`container_start_time_seconds{${container}}`]: steady(1_000),
    'machine_cpu_cores{job="cadvisor", instance="host:8080"}': steady(8),
  }
}

const pod = 'namespace="RELEASE_NAMESPACE", pod="rag-embed-7d9-x1", container="embed"'

function cluster({ cpu = 0.1, memory = 0.1 }: { cpu?: number; memory?: number }): Series {
  return {
    [`container_cpu_usage_seconds_total{${pod}}`]: rising(2 * cpu),
    [`container_memory_working_set_bytes{${pod}}`]: steady(4e9 * memory),
    [`kube_pod_container_resource_limits{${pod}, resource="cpu"}`]: steady(2),
    [`kube_pod_container_resource_limits{${pod}, resource="memory"}`]: steady(4e9),
  }
}

const service = 'job="gateway", replica="host-1:8080"'

/** A counter that rises by one at each of the minutes. */
function steps(...minutes: readonly number[]): string {
  return Array.from({ length: 60 }, (_, minute) => String(minutes.filter((at) => at <= minute).length)).join(
    ' ',
  )
}

/** A start time that changes at each of the minutes. */
function starts(...minutes: readonly number[]): string {
  return Array.from({ length: 60 }, (_, minute) =>
    String(1_000 + 60 * Math.max(0, ...minutes.filter((at) => at <= minute))),
  ).join(' ')
}

export const resourceCases: readonly AlertCase[] = [
  { alert: 'CpuHigh', over: docker({ cpu: 0.72 }), under: docker({ cpu: 0.68 }), at: '10m', notAt: '4m' },
  // Without a limit of its own, what its host has.
  { alert: 'CpuHigh', over: unlimited(5.8), under: unlimited(5.4), at: '10m' },
  {
    alert: 'CpuHigh',
    target: 'kubernetes',
    only: 'tier="embed", replica="rag-embed-7d9-x1"',
    over: cluster({ cpu: 0.72 }),
    under: cluster({ cpu: 0.68 }),
    at: '10m',
  },
  // Another release's pod of the same name is none of ours.
  {
    alert: 'CpuHigh',
    target: 'kubernetes',
    over: cluster({ cpu: 0.72 }),
    under: Object.fromEntries(
      Object.entries(cluster({ cpu: 0.9 })).map(([name, values]) => [
        name.replace('RELEASE_NAMESPACE', 'elsewhere'),
        values,
      ]),
    ),
    at: '10m',
  },
  {
    alert: 'MemoryHigh',
    over: docker({ memory: 0.82 }),
    under: docker({ memory: 0.78 }),
    at: '10m',
    notAt: '4m',
  },
  {
    alert: 'MemoryHigh',
    target: 'kubernetes',
    over: cluster({ memory: 0.82 }),
    under: cluster({ memory: 0.78 }),
    at: '10m',
  },
  {
    alert: 'ReplicaRestarts',
    over: { [`container_start_time_seconds{${container}}`]: starts(10, 20) },
    under: { [`container_start_time_seconds{${container}}`]: starts(20) },
    at: '25m',
    notAt: '15m',
  },
  {
    alert: 'ReplicaRestarts',
    target: 'swarm',
    over: { [`container_start_time_seconds{${container}}`]: starts(10, 20) },
    under: { [`container_start_time_seconds{${container}}`]: starts(20) },
    at: '25m',
  },
  {
    alert: 'ReplicaRestarts',
    target: 'kubernetes',
    over: { [`kube_pod_container_status_restarts_total{${pod}}`]: steps(10, 15, 20) },
    under: { [`kube_pod_container_status_restarts_total{${pod}}`]: steps(20) },
    at: '25m',
  },
  {
    alert: 'ReplicaRestarts',
    target: 'systemd',
    over: { [`process_start_time_seconds{${service}}`]: starts(10, 20) },
    under: { [`process_start_time_seconds{${service}}`]: starts(20) },
    at: '25m',
  },
  {
    alert: 'ReplicaOutOfMemory',
    over: { [`container_oom_events_total{${container}}`]: steps(10) },
    under: { [`container_oom_events_total{${container}}`]: steady(3) },
    at: '12m',
    notAt: '9m',
  },
  {
    alert: 'ReplicaOutOfMemory',
    target: 'kubernetes',
    over: {
      [`kube_pod_container_status_restarts_total{${pod}}`]: steps(10),
      [`kube_pod_container_status_last_terminated_reason{${pod}, reason="OOMKilled"}`]: steady(1),
    },
    // It ended by itself.
    under: {
      [`kube_pod_container_status_restarts_total{${pod}}`]: steps(10),
      [`kube_pod_container_status_last_terminated_reason{${pod}, reason="OOMKilled"}`]: steady(0),
    },
    at: '12m',
  },
]

/** Two H100 are 5,869 USD a month, two L4 and one more 1,752: 7,621 together, of a budget of 8,000. */
function running(generate: number): Series {
  const up = (job: string, count: number): [string, string][] =>
    Array.from({ length: count }, (_, index) => [
      `up{job="${job}", replica="${job}-${index}"}`,
      steady(1, 130),
    ])
  return Object.fromEntries([...up('generate', generate), ...up('embed', 2), ...up('rerank', 1)])
}

/** 2 USD a million tokens read, 8 written; and three L4 are 1,752 USD a month of the budget of 8,000. */
function tokens(read: number, written: number): Series {
  return {
    ...running(0),
    'ragscale_gateway_tokens_total{job="gateway", replica="a", kind="input"}': rising(read),
    'ragscale_gateway_tokens_total{job="gateway", replica="a", kind="output"}': rising(written),
  }
}

export const costCases: readonly AlertCase[] = [
  // 1,000 and 60 tokens a second are 2.48 USD/1,000 s: 6,517 a month. 900 and 60: 5,992.
  {
    alert: 'BudgetPaceExceeded',
    variant: 'provider',
    over: tokens(1_000, 60),
    under: tokens(900, 60),
    at: '40m',
    notAt: '25m',
  },
  { alert: 'BudgetPaceExceeded', over: running(3), under: running(2), at: '40m', notAt: '25m' },
  { alert: 'BudgetExceeded', over: running(3), under: running(2), at: '90m', notAt: '50m' },
]
