/**
 * Two releases of the gateway at once, by the chart's own means: a Deployment `…-gateway-next`, and weights in the route
 * that requests come in by. The replicas come before their share, and go after it: a change of either is an upgrade of
 * its own, and which one is next is told by what is there. Pure.
 */
import { imageParts } from '../../render/helm/workload-values.ts'
import { topologyOf } from '../../render/workloads.ts'
import { nextOf } from '../../catalog/releases.ts'
import type { Split, Stack } from '../../stack/stack.ts'
import { workloadOf } from './change-words.ts'
import { type Controller, type KubeObject, isController } from './objects.ts'
import { standingOf } from './rollout-status.ts'

/** `tiers.gateway.next` of the chart's values. */
export interface NextValues {
  readonly enabled: true
  readonly replicas: number
  readonly weight: number
  readonly image: { readonly repository: string; readonly tag: string; readonly digest?: string }
}

/** What the chart is to be told of a second release now; null: there is none, or none is left. */
export function nextValues(
  stack: Stack,
  deployed: readonly KubeObject[],
  found: readonly Controller[],
): NextValues | null {
  const there = nextIn(deployed)
  if (stack.split?.tier === 'gateway') return comingValues(stack, stack.split, found)
  if (there === null) return null
  const image = there.spec.template.spec.containers[0]?.image ?? ''
  const now = { enabled: true, replicas: there.spec.replicas ?? 1, image: imageParts(image) } as const
  const weight = weightIn(deployed)
  // Where the first release becomes what the second one was, the second one answers until it has.
  if (weight > 0 && !isCurrent(stack, deployed, found)) return { ...now, weight }
  return weight > 0 ? { ...now, weight: 0 } : null
}

function comingValues(stack: Stack, { version, share }: Split, found: readonly Controller[]): NextValues {
  const workload = topologyOf(stack, 'kubernetes').workloads.find(({ name }) => name === nextOf('gateway'))
  if (workload === undefined) throw new Error('the second release of the gateway is no workload')
  const { reference } = workload.container.image
  const running = found.find(isNext)
  const isReady = running !== undefined && standingOf(running).done && hasImage(running, reference)
  return {
    enabled: true,
    replicas: version.replicas,
    weight: isReady ? share : 0,
    image: imageParts(reference),
  }
}

/** Whether the gateway's first release is the file's, and all of it runs. */
function isCurrent(stack: Stack, deployed: readonly KubeObject[], found: readonly Controller[]): boolean {
  const wanted = topologyOf(stack, 'kubernetes').workloads.find(({ name }) => name === 'gateway')
  const main = (objects: readonly KubeObject[]) =>
    objects.find(
      (object): object is Controller =>
        object.kind === 'Deployment' && workloadOf(object) === 'gateway' && poolOf(object) === 'main',
    )
  const [last, now] = [main(deployed), main(found)]
  if (wanted === undefined || last === undefined || now === undefined) return true
  const { reference } = wanted.container.image
  return hasImage(last, reference) && standingOf(now).done
}

function nextIn(objects: readonly KubeObject[]): Controller | null {
  return objects.find((object): object is Controller => isController(object) && isNext(object)) ?? null
}

function isNext(object: KubeObject): boolean {
  return workloadOf(object) === 'gateway' && poolOf(object) === 'next'
}

function poolOf({ metadata }: KubeObject): string | undefined {
  return metadata.labels?.['ragscale.com/pool']
}

/** A mirror's name may stand before it. */
function hasImage({ spec }: Controller, reference: string): boolean {
  const image = spec.template.spec.containers[0]?.image ?? ''
  return image === reference || image.endsWith(`/${reference}`)
}

interface Route extends KubeObject {
  readonly spec?: {
    readonly rules?: readonly { readonly backendRefs?: readonly Backend[] }[]
    readonly http?: readonly { readonly route?: readonly Backend[] }[]
  }
}

interface Backend {
  readonly name?: string
  readonly destination?: { readonly host?: string }
  readonly weight?: number
}

/** The share of a second release in the routes; 0 where it has none. A rule by a header has no weights. */
function weightIn(objects: readonly KubeObject[]): number {
  const weights = objects
    .filter((object): object is Route => object.kind === 'HTTPRoute' || object.kind === 'VirtualService')
    .flatMap(({ spec }) => [
      ...(spec?.rules ?? []).flatMap(({ backendRefs = [] }) => backendRefs),
      ...(spec?.http ?? []).flatMap(({ route = [] }) => route),
    ])
    .filter(({ name, destination }) => (name ?? destination?.host ?? '').endsWith('-gateway-next'))
    .map(({ weight = 0 }) => weight)
  return Math.max(0, ...weights)
}

/**
 * Why a tier cannot be split on Kubernetes; null: it can.
 * @param provider by what requests come in to the gateway
 * @param balanced whether the release's own balancer stands before the other tiers
 */
export function splitRefusal(tier: Split['tier'], provider: string, balanced: boolean): string | null {
  const weighted = ['gateway-api', 'istio', 'linkerd']
  if (tier !== 'gateway') {
    if (balanced) return null
    return `nothing shares the requests of ${tier} out: tiers.balancer.enabled is false in deploy/helm/values.override.yaml`
  }
  if (weighted.includes(provider)) return null
  return `requests come in by routing.provider ${provider}, which knows no weights: set gateway-api, istio or linkerd in deploy/helm/values.override.yaml`
}
