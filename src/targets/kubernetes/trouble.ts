/** What is wrong with a container, by what its kubelet says of it. Pure. */
import { formatSize } from '../../stack/units.ts'
import type { ContainerSpec, ContainerState, ContainerStatus, Pod } from './objects.ts'
import { quantity } from './quantity.ts'

export interface Trouble {
  /** `failing`: it will not mend itself; `restarting`: it has ended and is started again. */
  readonly state: 'restarting' | 'failing'
  /** In words: `killed for using more than its 16 GB of memory (OOMKilled), 3 times`. */
  readonly because: string
  /** What to try next. */
  readonly cure: string
  /** Whose log has the last words, and whether of the run before this one; null where nothing was ever run. */
  readonly log: { readonly container: string; readonly previous: boolean } | null
}

/** After so many ends a container is taken to end for ever: by then it has been tried for more than half a minute. */
const mostRestarts = 3

/** Of the first container of a pod that has one; null where all is as it should be, or on its way. */
export function troubleOf(pod: Pod): Trouble | null {
  const { containerStatuses = [], initContainerStatuses = [] } = pod.status ?? {}
  for (const status of [...initContainerStatuses, ...containerStatuses]) {
    const trouble = troubleOfContainer(status, specOf(pod, status.name), pod)
    if (trouble !== null) return trouble
  }
  if (pod.status?.phase === 'Failed') {
    const reason = pod.status.reason ?? 'Failed'
    const message = pod.status.message ?? ''
    return {
      state: 'restarting',
      because:
        reason === 'Evicted'
          ? `evicted from its node: ${message}`
          : `${reason}: ${message}`.replace(/: $/, ''),
      cure: `kubectl describe pod ${pod.metadata.name}`,
      log: null,
    }
  }
  return null
}

function troubleOfContainer(
  status: ContainerStatus,
  spec: ContainerSpec | undefined,
  { metadata, spec: { containers } }: Pod,
): Trouble | null {
  const { name, state = {}, lastState = {}, restartCount } = status
  const who =
    containers.length > 1 || !containers.some((one) => one.name === name) ? `container ${name}: ` : ''
  const reason = state.waiting?.reason ?? ''
  const said = state.waiting?.message ?? ''
  if (/^(ImagePullBackOff|InvalidImageName|ErrImageNeverPull|ImageInspectError)$/.test(reason)) {
    return {
      state: 'failing',
      because: `${who}image ${spec?.image ?? ''} cannot be pulled: ${pullWords(reason, said)}`,
      cure: pullCure(said, metadata.namespace),
      log: null,
    }
  }
  if (/^(CreateContainerConfigError|CreateContainerError|RunContainerError|StartError)$/.test(reason)) {
    return {
      state: 'failing',
      because: `${who}it cannot be started: ${said}`,
      cure: `kubectl describe pod ${metadata.name}`,
      log: null,
    }
  }
  const ended = state.terminated ?? (reason === 'CrashLoopBackOff' ? lastState.terminated : undefined)
  if (
    ended === undefined ||
    (state.terminated !== undefined && ended.exitCode === 0 && ended.reason === 'Completed')
  ) {
    return null
  }
  const often = restartCount > 1 ? `, ${restartCount} times` : ''
  return {
    state: restartCount >= mostRestarts ? 'failing' : 'restarting',
    because: `${who}${endWords(ended, spec)}${often}`,
    cure:
      ended.reason === 'OOMKilled'
        ? 'give it more memory: tiers.<tier>.resources.memory in ragscale.yaml'
        : `kubectl logs ${metadata.name} --container ${name} --previous`,
    log: { container: name, previous: state.terminated === undefined },
  }
}

function endWords(ended: NonNullable<ContainerState['terminated']>, spec: ContainerSpec | undefined): string {
  if (ended.reason === 'OOMKilled') {
    const limit = spec?.resources?.limits?.['memory']
    const words =
      limit === undefined ? 'memory than its node has' : `than its ${formatSize(quantity(limit))} of memory`
    return `killed for using more ${words} (OOMKilled)`
  }
  const message = ended.message === undefined || ended.message === '' ? '' : ` (${ended.message.trim()})`
  if (ended.signal !== undefined && ended.signal !== 0) return `ended by signal ${ended.signal}${message}`
  return `ended with exit code ${ended.exitCode}${message}`
}

function pullWords(reason: string, said: string): string {
  if (reason === 'InvalidImageName') return 'that is no name of an image'
  if (reason === 'ErrImageNeverPull') return 'it is not on the node, and pullPolicy is Never'
  if (/not found|manifest unknown|NotFound/.test(said)) return 'there is no such image, or no such tag'
  if (/unauthorized|denied|authentication required|403/i.test(said))
    return 'the registry does not let this cluster'
  if (/no such host|i\/o timeout|connection refused|dial tcp/.test(said))
    return 'its registry cannot be reached'
  return said
}

function pullCure(said: string, namespace = 'default'): string {
  if (/unauthorized|denied|authentication required|403/i.test(said)) {
    return `kubectl --namespace ${namespace} create secret docker-registry NAME …, and imagePullSecrets in deploy/helm/values.override.yaml`
  }
  return 'tiers.<tier>.image in ragscale.yaml names another; what ragscale builds itself has to be pushed where the cluster pulls from (deploy/image)'
}

function specOf({ spec }: Pod, name: string): ContainerSpec | undefined {
  return [...spec.containers, ...(spec.initContainers ?? [])].find((container) => container.name === name)
}
