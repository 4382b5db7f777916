/** What Compose's labels on a container say. */
import {
  replicaLabel,
  stackLabel,
  tierLabel,
  workloadLabel,
  type FoundContainer,
} from '../docker/containers.ts'
import { replicaName } from './wanted.ts'

export const projectLabel = 'com.docker.compose.project'
export const folderLabel = 'com.docker.compose.project.working_dir'

/** Of a stack's networks and volumes: a swarm may run a stack of the same name on this engine. */
export function labelsOf(stack: string): string[] {
  return [`${stackLabel}=${stack}`, `${projectLabel}=${stack}`]
}

type Labelled = Pick<FoundContainer, 'labels'>

export function serviceOf({ labels }: Labelled): string {
  return labels['com.docker.compose.service'] ?? ''
}

/** Which container of its service it is, from 1. */
export function numberOf({ labels }: Labelled): number {
  return Number(labels['com.docker.compose.container-number'] ?? '1')
}

export interface Identity {
  /** As in every message: `embed-2`. */
  readonly name: string
  readonly workload: string
  readonly tier: string
  readonly replica: string
}

export function identityOf(container: Labelled): Identity {
  const { labels } = container
  const service = serviceOf(container)
  const workload = labels[workloadLabel] ?? service
  const tier = labels[tierLabel] ?? workload
  const number = labels[replicaLabel] ?? String(numberOf(container))
  const name = labels[replicaLabel] === undefined ? replicaName({ workload, tier }, Number(number)) : service
  // A second version of a tier, while it is rolled out.
  const replica = workload === `${tier}-next` ? `next-${number}` : number
  return { name, workload, tier, replica: tier === 'balancer' ? 'balancer' : replica }
}
