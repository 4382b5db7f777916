/** What a swarm says of a task that does not run, in words that say what to do. Pure. */
import { showBytes } from '../../catalog/resources.ts'
import type { FoundNode, FoundService, FoundTask } from './found.ts'

/**
 * Why a task is where it is; null where there is nothing to say.
 * @param nodeLabels that a node needs to be given it
 */
export function taskWords(
  task: Pick<FoundTask, 'state' | 'error' | 'exitCode'>,
  service: Pick<FoundService, 'reserved' | 'image'>,
  nodes: readonly FoundNode[],
  nodeLabels: readonly string[] = [],
): string | null {
  const { state, error, exitCode } = task
  const refusal = /^no suitable node(?: \((.+)\))?$/.exec(error)
  if (refusal !== null) return noNodeWords(refusal[1] ?? '', service, nodes, nodeLabels)
  if (/no such image/i.test(error))
    return `a node has no image ${service.image}, and no registry gave it: push it, or load it on every node`
  const exit = /non-zero exit \((\d+)\)/.exec(error)?.[1]
  if (/unhealthy container/.test(error)) return 'its health check failed, and it was ended for that'
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
  const parts = said
    .split(/[;,] ?/)
    .filter((part) => part !== '')
    .map((part) => {
      const on = /on (\d+) nodes?$/.exec(part)?.[1]
      const where = on === undefined ? '' : ` on ${on === '1' ? '1 node' : `${on} nodes`}`
      if (part.startsWith('insufficient resources')) {
        const wants = [
          ...(reserved.cpus > 0 ? [`${reserved.cpus} CPUs`] : []),
          ...(reserved.memoryBytes > 0 ? [showBytes(reserved.memoryBytes)] : []),
        ]
        return `insufficient resources${where} (it reserves ${wants.length === 0 ? 'GPUs' : wants.join(' and ')}, and less is left unreserved)`
      }
      if (part.startsWith('scheduling constraints')) {
        const unknown = nodeLabels.filter((label) => nodes.every(({ labels }) => labels[label] !== 'true'))
        return unknown.length === 0
          ? `its placement constraints fit none${where}`
          : `no node is labelled for it: docker node update --label-add ${unknown.map((label) => `${label}=true`).join(' --label-add ')} <node>`
      }
      if (part.startsWith('host-mode port')) return `its port is taken${where}`
      if (part.startsWith('max replicas per node')) return `one a node is the most, and each has one${where}`
      return part
    })
  return `no suitable node: ${parts.length === 0 ? 'none is ready' : parts.join('; ')}`
}
