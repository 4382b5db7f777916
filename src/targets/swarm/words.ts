/** What a swarm says of a task that does not run, in words that say what to do. Pure. */
import { showBytes } from '../../catalog/resources.ts'
import { endOf } from '../docker/condition.ts'
import type { FoundNode, FoundService, FoundTask } from './found.ts'

/**
 * Why a task is where it is; null where there is nothing to say.
 * @param nodeLabels that a node needs to be given it
 */
export function taskWords(
  task: Pick<FoundTask, 'state' | 'error' | 'exitCode' | 'node' | 'oom'>,
  service: Pick<FoundService, 'reserved' | 'image'>,
  nodes: readonly FoundNode[],
  nodeLabels: readonly string[] = [],
): string | null {
  const { state, error, exitCode, oom } = task
  const refusal = /^no suitable node(?: \((.+)\))?$/.exec(error)
  if (refusal !== null) return noNodeWords(refusal[1] ?? '', service, nodes, nodeLabels)
  if (/no such image/i.test(error)) {
    const node = nodes.find(({ id }) => id === task.node)?.name ?? 'its node'
    return `${node} has no image ${service.image}, and no registry gave it: push it, or load it there`
  }
  const exit = /non-zero exit \((\d+)\)/.exec(error)?.[1]
  if (/unhealthy container/.test(error)) return 'its health check failed, and it was ended for that'
  if (oom !== undefined) return endOf({ oomKilled: true, exitCode: 137, memoryLimitBytes: oom.limitBytes })
  if (exit !== undefined) return endWords(Number(exit))
  if (error !== '') return error
  if (state === 'failed' && exitCode !== null) return endWords(exitCode)
  if (state === 'complete') return 'it ended by itself (exit 0)'
  return null
}

function endWords(exitCode: number): string {
  if (exitCode === 137) return 'it was killed (exit 137), by hand or for want of memory'
  if (exitCode === 143) return 'it was told to end (exit 143, SIGTERM)'
  return `it ended with exit ${exitCode}`
}

/** `insufficient resources on 2 nodes; scheduling constraints not satisfied on 1 node`. */
function noNodeWords(
  said: string,
  { reserved }: Pick<FoundService, 'reserved'>,
  nodes: readonly FoundNode[],
  nodeLabels: readonly string[],
): string {
  // Those that have all of its labels, and take no tasks: the others do not matter.
  const away =
    nodeLabels.length === 0
      ? []
      : nodes.filter(({ ready, labels }) => !ready && nodeLabels.every((label) => labels[label] === 'true'))
  const parts = said
    .split(/[;,] ?/)
    .filter((part) => part !== '')
    .flatMap((part) => {
      const on = /on (\d+) nodes?$/.exec(part)?.[1]
      const where = on === undefined ? '' : ` on ${on === '1' ? '1 node' : `${on} nodes`}`
      if (part.startsWith('insufficient resources')) {
        return `insufficient resources${where} (${reservedWords(reserved, nodes)})`
      }
      if (part.startsWith('scheduling constraints')) {
        const unknown = nodeLabels.filter((label) => nodes.every(({ labels }) => labels[label] !== 'true'))
        if (unknown.length > 0)
          return `no node is labelled for it: docker node update --label-add ${unknown.map((label) => `${label}=true`).join(' --label-add ')} <node>`
        return away.length > 0 ? [] : `its placement constraints fit none${where}`
      }
      if (part.endsWith('not available for new tasks') && away.length > 0) return awayWords(away)
      if (part.startsWith('host-mode port')) return `its port is taken${where}`
      if (part.startsWith('max replicas per node')) return `one a node is the most, and each has one${where}`
      return part
    })
  return `no suitable node: ${parts.length === 0 ? 'none is ready' : parts.join('; ')}`
}

function awayWords(away: readonly FoundNode[]): string {
  const [first, ...others] = away
  const names = away.map(({ name }) => name).join(', ')
  const cure =
    first?.away === 'down'
      ? 'start its engine again'
      : `docker node update --availability active ${first?.name ?? '<node>'}   gives it tasks again`
  return `${names}, labelled for it, ${others.length === 0 ? 'is' : 'are'} ${first?.away ?? 'away'}: ${cure}`
}

function reservedWords(
  { cpus, memoryBytes, gpus = 0 }: FoundService['reserved'],
  nodes: readonly FoundNode[],
): string {
  const wants = [
    ...(gpus > 0 ? [gpus === 1 ? '1 GPU' : `${gpus} GPUs`] : []),
    ...(cpus > 0 ? [`${cpus} CPUs`] : []),
    ...(memoryBytes > 0 ? [showBytes(memoryBytes)] : []),
  ]
  const most = Math.max(0, ...nodes.map((node) => node.gpus ?? 0))
  const says = `it reserves ${wants.join(' and ')}`
  if (gpus <= most) return `${says}, and less is left unreserved`
  return most === 0
    ? `${says}, and no node declares GPUs: deploy/swarm/README.md says how`
    : `${says}, and no node declares more than ${most}`
}
