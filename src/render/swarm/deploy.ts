/** `deploy:` of a service: how many, where, and how a new version takes the old one's place. */
import { type Tree, type TreeMap, said } from '../compose/document.ts'
import { durationText } from '../compose/quantities.ts'
import type { Service } from '../compose/services.ts'
import { hasOwnVolumes } from '../compose/volumes.ts'
import type { Workload } from '../topology.ts'
import { keepsData, placementLabels } from './placement.ts'

export function deployOf(service: Service, labels: TreeMap, resources: Tree): TreeMap {
  const { workload } = service
  return {
    ...countOf(service),
    labels,
    // Addresses of the replicas in place of one virtual one: the balancer and clients choose, connection by connection.
    endpoint_mode: workload.name === 'balancer' || isJob(workload) ? undefined : 'dnsrr',
    placement: placementOf(service),
    ...(isJob(workload) ? jobPolicy : serverPolicy(workload)),
    resources,
  }
}

function isJob({ kind }: Workload): boolean {
  return kind === 'job'
}

function countOf({ workload, number, replicas }: Service): TreeMap {
  const { kind, because } = workload
  switch (kind) {
    case 'job':
      // What it leaves behind is on the node where it ran: then every node that will need it runs one.
      return sharesVolume(workload) ? { mode: 'global-job' } : { mode: 'replicated-job', replicas: 1 }
    case 'agent':
      return { mode: said(because, 'global') }
    case 'nodes':
    case 'replicas':
      return { mode: 'replicated', replicas: number === null ? said(because, replicas) : replicas }
  }
}

function sharesVolume({ container }: Workload): boolean {
  return container.mounts.some(({ kind }) => kind === 'shared')
}

function placementOf(service: Service): TreeMap | undefined {
  const constraints = placementLabels(service).map((label) => `node.labels.${label} == true`)
  const { workload } = service
  if (keepsData(workload)) {
    return {
      constraints: [said('its volume is on that node, and on no other', constraints[0] ?? '')],
      max_replicas_per_node: 1,
    }
  }
  const spread = workload.kind === 'replicas' && workload.count > 1
  if (constraints.length === 0 && !spread) return undefined
  return {
    constraints: constraints.length === 0 ? undefined : constraints,
    preferences: spread
      ? [said('over zones, where nodes say theirs', { spread: 'node.labels.zone' })]
      : undefined,
  }
}

const jobPolicy: TreeMap = {
  restart_policy: { condition: 'on-failure', delay: '10s', max_attempts: 5 },
}

/**
 * One replica at a time, and back to the old version when one does not become healthy. A new replica first where there
 * is room for one more; the old one's end first where it holds what the new one needs: GPUs, or its data.
 */
function serverPolicy(workload: Workload): TreeMap {
  const { container } = workload
  const holds =
    container.gpus > 0
      ? 'its GPUs are the old one’s'
      : hasOwnVolumes(workload)
        ? 'its data is the old one’s'
        : null
  const order = holds === null ? 'start-first' : 'stop-first'
  // Long enough to fail its health check after it was healthy.
  const { intervalSeconds, failures } = container.health ?? { intervalSeconds: 10, failures: 3 }
  const monitor = durationText(Math.max(30, intervalSeconds * (failures + 1)))
  const global = workload.kind === 'agent'
  return {
    // It also keeps the order: what is not there yet makes a container end, and it is started again.
    restart_policy: { condition: 'any', delay: '5s', window: '1m' },
    update_config: {
      parallelism: 1,
      delay: '5s',
      order: global ? 'stop-first' : holds === null ? order : said(holds, order),
      failure_action: 'rollback',
      monitor,
    },
    rollback_config: {
      parallelism: 1,
      order: global ? 'stop-first' : order,
      failure_action: 'pause',
      monitor,
    },
  }
}
