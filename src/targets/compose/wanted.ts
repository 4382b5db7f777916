/** Services as they are wanted: what was rendered, with what a user's own files make of it. Pure. */
import { z } from 'zod'
import { replicaLabel, tierLabel, workloadLabel } from '../docker/containers.ts'
import type { Topology } from '../../render/topology.ts'
import { tiers } from '../../stack/stack.ts'

export interface WantedService {
  /** As Compose calls it: `embed`, `vector-2`. */
  readonly name: string
  readonly workload: string
  readonly tier: string
  readonly component: string
  /** Where each replica is a service of its own. */
  readonly number: number | null
  readonly replicas: number
  /** It runs to its end. */
  readonly job: boolean
  readonly image: string
  /** It is made here, where it is missing; null: it is pulled. */
  readonly build: { readonly context: string } | null
  readonly after: readonly { readonly service: string; readonly until: 'started' | 'healthy' | 'completed' }[]
  /** What its container carries when it is as it should be. */
  readonly hash: string
  /** How long it may take from the signal to the kill. */
  readonly stopSeconds: number
}

/** `docker compose config --format json`, of which this much is needed. */
export const composeModel = z.object({
  services: z.record(
    z.string(),
    z.object({
      image: z.string().optional(),
      build: z.object({ context: z.string() }).optional(),
      labels: z.record(z.string(), z.string()).default({}),
      restart: z.string().optional(),
      stop_grace_period: z.string().optional(),
      deploy: z.object({ replicas: z.number().optional() }).nullish(),
      depends_on: z.record(z.string(), z.object({ condition: z.string() })).default({}),
    }),
  ),
})
export type ComposeModel = z.output<typeof composeModel>

/** In the order of the topology; services that only a user's own file has come last. */
export function wantedServices(
  { services }: ComposeModel,
  hashes: Readonly<Record<string, string>>,
  { workloads }: Topology,
): WantedService[] {
  const order = workloads.map(({ name }) => name)
  const wanted = Object.entries(services).map(([name, service]): WantedService => {
    const workload = service.labels[workloadLabel] ?? name
    const known = workloads.find((one) => one.name === workload)
    const number = service.labels[replicaLabel]
    const { image = '', build } = service
    return {
      name,
      workload,
      tier: service.labels[tierLabel] ?? name,
      component: known?.component ?? image,
      number: number === undefined ? null : Number(number),
      replicas: service.deploy?.replicas ?? 1,
      job: known?.kind === 'job',
      image,
      build: build === undefined ? null : { context: build.context },
      after: Object.entries(service.depends_on).map(([other, { condition }]) => ({
        service: other,
        until: untilOf(condition),
      })),
      hash: hashes[name] ?? '',
      stopSeconds: known?.container.stop.graceSeconds ?? 10,
    }
  })
  const place = ({ workload }: WantedService): number => {
    const at = order.indexOf(workload)
    return at === -1 ? order.length : at
  }
  return wanted.sort((a, b) => place(a) - place(b) || a.name.localeCompare(b.name, 'en', { numeric: true }))
}

function untilOf(condition: string): 'started' | 'healthy' | 'completed' {
  if (condition === 'service_completed_successfully') return 'completed'
  return condition === 'service_healthy' ? 'healthy' : 'started'
}

/** `gateway-1`, `vector-2`; what there is one of by its nature has no number: `balancer`, `collection`. */
export function replicaName({ workload, tier }: { workload: string; tier: string }, number: number): string {
  const counted =
    (tiers as readonly string[]).includes(tier) && (workload === tier || workload.startsWith(`${tier}-`))
  return counted || number > 1 ? `${workload}-${number}` : workload
}
