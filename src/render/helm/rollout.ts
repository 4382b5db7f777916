/** How a tier's pods come and go. */
import type { Stack } from '../../stack/stack.ts'
import { said, type TreeMap } from '../compose/document.ts'
import type { Workload } from '../topology.ts'

export function rolloutOf(workload: Workload, stack: Stack): TreeMap {
  const { container, kind, name } = workload
  const { preStopSeconds, graceSeconds } = container.stop
  const startup = container.health?.startupSeconds ?? 60
  return {
    ...frontDoorOf(workload),
    preStopSeconds,
    terminationGracePeriodSeconds: said(
      `${preStopSeconds} s before the signal and ${graceSeconds} s after it.`,
      preStopSeconds + graceSeconds,
    ),
    rollout: { maxSurge: 1, maxUnavailable: 0 },
    progressDeadlineSeconds: Math.max(600, startup + 300),
    ...(kind === 'nodes' ? { apart: apartOf(name, stack) } : {}),
    nodeSelector: nodeSelectorOf(workload, stack),
    tolerations: [],
    affinity: {},
    podAnnotations: {},
  }
}

/** Ports that the outside may come in by. */
function frontDoorOf({ name, container }: Workload): TreeMap {
  const port = name === 'balancer' ? container.ports['gateway'] : container.ports['http']
  const outside = name === 'balancer' || name === 'gateway' || name === 'ui'
  return outside && port !== undefined ? { frontDoor: [port] } : {}
}

/** Copies of a shard on two pods of one machine are lost together. */
function apartOf(name: string, { tiers }: Stack) {
  const copies = name === 'vector' ? (tiers.vector?.collection.replication ?? 1) : 1
  return copies > 1
    ? said(
        'required: copies of a shard on one machine are lost together; needs as many machines.',
        'required',
      )
    : said('required, preferred or none: whether two may share a machine.', 'preferred')
}

function nodeSelectorOf({ container, tier }: Workload, { tiers }: Stack) {
  const gpu = tier === 'embed' || tier === 'rerank' || tier === 'generate' ? tiers[tier]?.gpu : undefined
  if (container.gpus === 0 || gpu === undefined) return {}
  return said(
    `Planned for ${gpu}. In a cluster with several kinds of GPU choose it, as with nvidia.com/gpu.product: (label of the GPU operator).`,
    {},
  )
}
