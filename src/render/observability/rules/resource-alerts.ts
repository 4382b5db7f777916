/** Alerts on what every replica uses, whatever it is. */
import { logsOf, statusOf, steps } from '../runbook.ts'
import { series } from '../scope.ts'
import type { Watched } from '../watched.ts'
import { restartsTooMany } from './resources.ts'
import type { AlertRule, RuleGroup } from './rule.ts'

/** Above it for five minutes a replica has no room for a burst, and queues grow faster than CPU does. */
const cpuHigh = 0.7
/** Above it the next model, batch or cache is what the kernel kills it for. */
const memoryHigh = 0.8

export function resourceAlerts(watched: Watched): RuleGroup {
  const { scope, target } = watched
  const tier = '{{ $labels.tier }}'
  const replica = '{{ $labels.replica }}'
  const logs = logsOf(target, tier)
  const hasOutOfMemory = target !== 'systemd'
  const cpu: AlertRule = {
    alert: 'CpuHigh',
    expr: `${series(scope, 'replica:cpu_utilization:ratio')} > ${cpuHigh}`,
    for: '5m',
    labels: { severity: 'warning', ...scope.labels },
    annotations: {
      summary: `${tier}: ${replica} uses {{ $value | humanizePercentage }} of its CPU`,
      description: `For five minutes ${replica} has used more than 70 % of the CPU that it may. Bursts now wait in a queue. Add a replica, or give each more.`,
      runbook: steps(
        `Is it one replica of ${tier} or all? One alone is given too much: look at the balancer, and for a hot shard in vector.`,
        'Is an ingest running? It asks the same servers: slow it down first.',
        `All of them: \`ragscale recommend --explain ${tier}\`, or at once \`ragscale scale ${tier}=<n>\`.`,
        `More for each: tiers.${tier}.resources.cpus in ragscale.yaml, then \`ragscale render\`.`,
      ),
    },
    because: '70 %: queues grow as 1 ÷ (1 − utilisation), which is 3.3 there and 10 at 90 %.',
  }
  const memory: AlertRule = {
    alert: 'MemoryHigh',
    expr: `${series(scope, 'replica:memory_utilization:ratio')} > ${memoryHigh}`,
    for: '5m',
    labels: { severity: 'warning', ...scope.labels },
    annotations: {
      summary: `${tier}: ${replica} uses {{ $value | humanizePercentage }} of its memory`,
      description: `For five minutes ${replica} has used more than 80 % of the memory that it may; at 100 % the kernel kills it. If it grows with what it holds, give it more; if it grows with time alone, it leaks.`,
      runbook: steps(
        'Look at a week of it on the dashboard "RAG overview": a step, a slope, or the load’s own shape?',
        'vector: memory follows the points. More nodes, quantization, or more memory a node; what is cached of files counts as well and is given back.',
        `Others: tiers.${tier}.resources.memory in ragscale.yaml, then \`ragscale render\` and \`ragscale up\`.`,
        `A slope that never falls: restart it, and keep ${logs} for whoever looks into it.`,
      ),
    },
    because: '80 %: the rest is for a burst and for what a restart loads beside what it serves.',
  }
  const restarts: AlertRule = {
    alert: 'ReplicaRestarts',
    expr: `${series(scope, 'replica:restarts:changes30m')} >= ${restartsTooMany}`,
    for: '1m',
    labels: { severity: 'warning', ...scope.labels },
    annotations: {
      summary: `${tier}: ${replica} restarted {{ $value | humanize }} times in 30 minutes`,
      description: `${replica} does not stay up. While a model loads its replica serves nothing, so every restart costs more than it seems. Read its last words before anything else.`,
      runbook: steps(
        `Read the end of its log: ${logs}.`,
        `Was it killed for memory, or by its health check? ${statusOf(target, tier)}.`,
        'After a change of ragscale.yaml: take it back, render, bring it up.',
      ),
    },
    because: `${restartsTooMany} of them: one may be a deploy.`,
  }
  const killed: AlertRule = {
    alert: 'ReplicaOutOfMemory',
    expr: `${series(scope, 'replica:out_of_memory:increase30m')} > 0`,
    for: '0m',
    labels: { severity: 'critical', ...scope.labels },
    annotations: {
      summary: `${tier}: ${replica} was killed for want of memory`,
      description: `In the last 30 minutes the kernel killed ${replica} for using more memory than its limit. It comes back and will be killed again: give it more, or give it less to hold.`,
      runbook: steps(
        `Give it more now: tiers.${tier}.resources.memory in ragscale.yaml, \`ragscale render\`, \`ragscale up\`.`,
        'vector: look first whether the points have outgrown what was planned (tiers.vector.collection.points).',
        `Find what it was doing: ${logs}.`,
      ),
    },
  }
  return {
    name: 'ragscale.resources.alerts',
    rules: [cpu, memory, restarts, ...(hasOutOfMemory ? [killed] : [])],
  }
}
