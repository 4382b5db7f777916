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
    // Addresses of the replicas in place of one virtual one, which would need IPVS and choose without looking.
    endpoint_mode: isJob(workload) ? undefined : 'dnsrr',
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

/** Whether ports of its node are its own. */
function publishes({ name }: Workload): boolean {
  return name === 'balancer'
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
  if (publishes(workload)) {
    return { max_replicas_per_node: said('a second could not have the same ports of the node', 1) }
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

/** Ten minutes at least, in which what it needs can come to be there. */
const jobPolicy: TreeMap = {
  restart_policy: { condition: 'on-failure', delay: '10s', max_attempts: 60 },
}

/**
 * One replica at a time, and back to the old version when one does not become healthy. A new replica first where there
 * is room for one more; the old one's end first where it holds what the new one needs.
 */
function serverPolicy(workload: Workload): TreeMap {
  const holds = heldByTheOld(workload)
  const order = holds === null && workload.kind !== 'agent' ? 'start-first' : 'stop-first'
  // Long enough to fail its health check after it was healthy.
  const { intervalSeconds, failures } = workload.container.health ?? { intervalSeconds: 10, failures: 3 }
  const monitor = durationText(Math.max(30, intervalSeconds * (failures + 1)))
  return {
    // It also keeps the order: what is not there yet makes a container end, and it is started again.
    restart_policy: { condition: 'any', delay: '5s', window: '1m' },
    update_config: {
      parallelism: 1,
      delay: '5s',
      order: holds === null ? order : said(`its ${holds} the old one’s`, order),
      failure_action: 'rollback',
      monitor,
    },
    rollback_config: { parallelism: 1, order, failure_action: 'pause', monitor },
  }
}

/** What a new replica cannot have before the old one has ended; null: it needs only room. */
function heldByTheOld(workload: Workload): string | null {
  if (workload.container.gpus > 0) return 'GPUs are'
  if (hasOwnVolumes(workload)) return 'data is'
  return publishes(workload) ? 'ports of the node are' : null
}
