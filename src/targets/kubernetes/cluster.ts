/** What is read of a cluster, through kubectl. Changes nothing. */
import type { Gateway, GatewayName } from './hosts.ts'
import type { Capabilities } from './wanted.ts'
import {
  type Claim,
  type Controller,
  type KubeEvent,
  type KubeObject,
  type Node,
  type Pod,
  isController,
  managerLabel,
  releaseLabel,
  titleOf,
} from './objects.ts'
import type { Surroundings } from './pending.ts'
import type { Place } from './place.ts'
import { ProgramFailed, type Programs } from './programs.ts'
import { kubectlAt } from './release.ts'

/** What carries the release's label. */
export interface Running {
  readonly pods: readonly Pod[]
  readonly controllers: readonly Controller[]
  readonly claims: readonly Claim[]
  /** Kinds that the user may not read, in kubectl's words. */
  readonly hidden: readonly string[]
}

interface List {
  readonly items: readonly KubeObject[]
}

export interface FoundNamespace {
  readonly exists: boolean
  /** Of one that ragscale made for the release: what somebody else has put there. Null for any other. */
  readonly others: readonly string[] | null
}

/** Kubernetes and meshes put these into every namespace. */
const always: ReadonlySet<string> = new Set([
  'ServiceAccount default',
  'ConfigMap kube-root-ca.crt',
  'ConfigMap istio-ca-root-cert',
])

const sampleMs = 10_000

export class Cluster {
  readonly place: Place
  readonly #programs: Programs

  constructor(place: Place, programs: Programs) {
    this.place = place
    this.#programs = programs
  }

  /** @throws ClusterUnreachable */
  async version(): Promise<string> {
    const text = await this.#programs.run('kubectl', [
      'version',
      '--output',
      'json',
      '--context',
      this.place.context,
    ])
    const { serverVersion } = JSON.parse(text) as { serverVersion?: { gitVersion: string } }
    return serverVersion?.gitVersion ?? ''
  }

  async capabilities(): Promise<Capabilities> {
    const args = ['api-resources', '--no-headers', '--context', this.place.context]
    const [version, { stdout }] = await Promise.all([
      this.version(),
      // An API whose own server is down is missing from the list, and no reason to stop.
      this.#programs.attempt('kubectl', args),
    ])
    const apis = new Set<string>()
    for (const line of stdout.split('\n')) {
      const [kind, , api] = line.trim().split(/\s+/).toReversed()
      if (kind === undefined || api === undefined) continue
      apis.add(api).add(`${api}/${kind}`)
    }
    return { version, apis: [...apis] }
  }

  async running(release: string): Promise<Running> {
    const kinds = 'pods,deployments.apps,statefulsets.apps,daemonsets.apps,jobs.batch,persistentvolumeclaims'
    const { items, hidden } = await this.#get([kinds, '--selector', `${releaseLabel}=${release}`])
    return {
      pods: items.filter((object): object is Pod => object.kind === 'Pod'),
      controllers: items.filter((object): object is Controller => isController(object)),
      claims: items.filter((object): object is Claim => object.kind === 'PersistentVolumeClaim'),
      hidden,
    }
  }

  /** Of these, those that are there; null where the user may not read them all. */
  async live(objects: readonly KubeObject[]): Promise<readonly KubeObject[] | null> {
    if (objects.length === 0) return []
    const named = objects.map(({ apiVersion, kind, metadata: { name, namespace } }) => ({
      apiVersion,
      kind,
      metadata: { name, ...(namespace === undefined ? {} : { namespace }) },
    }))
    const list = JSON.stringify({ apiVersion: 'v1', kind: 'List', items: named })
    const { items, hidden } = await this.#get(['--filename', '-', '--ignore-not-found'], list)
    return hidden.length > 0 ? null : items
  }

  /** What a pod's pending may be explained with. */
  async surroundings(claims: readonly Claim[]): Promise<Surroundings> {
    const [nodes, pods, events] = await Promise.all([
      this.#all<Node>(['nodes']),
      this.#all<Pod>(['pods', '--all-namespaces']),
      this.events(),
    ])
    return { nodes, pods, claims, events }
  }

  /** Oldest first. */
  async events(): Promise<readonly KubeEvent[]> {
    const events = (await this.#all<KubeEvent>(['events'])) ?? []
    return events.toSorted((a, b) => timeOf(a).localeCompare(timeOf(b)))
  }

  /** Whether it is there, and was made by ragscale for this release. */
  async namespace(release: string): Promise<FoundNamespace> {
    const { namespace, context } = this.place
    const args = [
      'get',
      'namespace',
      namespace,
      '--ignore-not-found',
      '--output',
      'json',
      '--context',
      context,
    ]
    const { ok, stdout } = await this.#programs.attempt('kubectl', args)
    // Who may not look is not the one to make it.
    if (!ok) return { exists: true, others: null }
    if (stdout === '') return { exists: false, others: null }
    const { metadata } = JSON.parse(stdout) as KubeObject
    const ours = metadata.labels?.[managerLabel] === 'ragscale' && metadata.labels[releaseLabel] === release
    return { exists: true, others: ours ? await this.#others(release) : null }
  }

  /** What is in the namespace beside the release and what every namespace has. */
  async #others(release: string): Promise<readonly string[]> {
    const args = [
      'api-resources',
      '--namespaced',
      '--verbs',
      'list,get',
      '--output',
      'name',
      '--context',
      this.place.context,
    ]
    const kinds = (await this.#programs.attempt('kubectl', args)).stdout
      .split('\n')
      .filter((kind) => kind !== '' && !/^events(\.|$)/.test(kind))
    const { items, hidden } = await this.#get([kinds.join(',')])
    const others = items.filter(({ kind, metadata: { name, labels = {} } }) => {
      const isHelms = kind === 'Secret' && labels['owner'] === 'helm' && labels['name'] === release
      const isUsual = always.has(`${kind} ${name}`)
      return labels[releaseLabel] !== release && !isHelms && !isUsual
    })
    return [...others.map(titleOf), ...hidden]
  }

  /** The keys of a Secret, and never their values; null where there is none. */
  async secret(
    name: string,
  ): Promise<{ keys: readonly string[]; labels: Readonly<Record<string, string>> } | null> {
    const template =
      '{{range $key, $_ := .data}}{{$key}} {{end}}{{"\\n"}}{{range $key, $value := .metadata.labels}}{{$key}}={{$value}} {{end}}'
    const args = ['get', 'secret', name, '--ignore-not-found', '--output', `go-template=${template}`]
    const text = await this.#programs.run('kubectl', [...args, ...kubectlAt(this.place)])
    if (text === '') return null
    const [keys = [], labels = []] = text.split('\n').map((line) =>
      line
        .trim()
        .split(' ')
        .filter((word) => word !== ''),
    )
    return {
      keys,
      labels: Object.fromEntries(labels.map((label) => label.split('='))) as Record<string, string>,
    }
  }

  /** In memory, for whoever calls what it protects; null where there is none. */
  async secretValue(name: string, key: string): Promise<string | null> {
    const args = ['get', 'secret', name, '--ignore-not-found', '--output', 'json']
    const { ok, stdout } = await this.#programs.attempt('kubectl', [...args, ...kubectlAt(this.place)])
    if (!ok || stdout === '') return null
    const { data = {} } = JSON.parse(stdout) as { data?: Record<string, string> }
    const encoded = data[key]
    return encoded === undefined ? null : Buffer.from(encoded, 'base64').toString('utf8')
  }

  /** The last lines of a container; null where there are none to be had. */
  async log(
    pod: string,
    container: string,
    options: { readonly previous: boolean; readonly lines: number },
  ): Promise<string[] | null> {
    const args = ['logs', pod, '--container', container, '--tail', String(options.lines)]
    const which = options.previous ? ['--previous'] : []
    const { ok, stdout } = await this.#programs.attempt('kubectl', [
      ...args,
      ...which,
      ...kubectlAt(this.place),
    ])
    return ok ? stdout.split('\n').filter((line) => line !== '') : null
  }

  /** Of these, those that are there and that the user may read. */
  async gateways(names: readonly GatewayName[]): Promise<readonly Gateway[]> {
    const found = await Promise.all(
      names.map(async ({ name, namespace }) => {
        const place = namespace === null ? this.place : { ...this.place, namespace }
        const args = ['get', 'gateways.gateway.networking.k8s.io', name, '--output', 'json']
        const { ok, stdout } = await this.#programs.attempt('kubectl', [...args, ...kubectlAt(place)])
        return ok ? itemsIn(stdout) : []
      }),
    )
    return found.flat()
  }

  /** A kubelet's word on its pods; null where it may not be asked. */
  async nodeSummary(node: string): Promise<unknown> {
    return jsonOrNull(await this.#raw(`/api/v1/nodes/${node}/proxy/stats/summary`))
  }

  /** What metrics-server says of the release's pods; null where there is none. */
  async podMetrics(release: string): Promise<unknown> {
    const selector = encodeURIComponent(`${releaseLabel}=${release}`)
    const { namespace } = this.place
    const path = `/apis/metrics.k8s.io/v1beta1/namespaces/${namespace}/pods?labelSelector=${selector}`
    return jsonOrNull(await this.#raw(path))
  }

  /** A page of a pod's own server; null where it does not answer. */
  async podPage(pod: string, port: number, path: string): Promise<string | null> {
    return await this.#raw(`/api/v1/namespaces/${this.place.namespace}/pods/${pod}:${port}/proxy${path}`)
  }

  /** What a command in a container writes; null where it fails, or may not be run. */
  async exec(pod: string, container: string, command: readonly string[]): Promise<string | null> {
    const args = ['exec', pod, '--container', container, ...kubectlAt(this.place), '--', ...command]
    const { ok, stdout } = await this.#programs.attempt('kubectl', args, { timeoutMs: sampleMs })
    return ok ? stdout : null
  }

  async #raw(path: string): Promise<string | null> {
    const args = ['get', '--raw', path, '--context', this.place.context]
    const { ok, stdout } = await this.#programs.attempt('kubectl', args, { timeoutMs: sampleMs })
    return ok ? stdout : null
  }

  /** Null where the user may not. */
  async #all<T extends KubeObject>(what: readonly string[]): Promise<readonly T[] | null> {
    const { items, hidden } = await this.#get(what)
    return hidden.length > 0 ? null : (items as readonly T[])
  }

  /** What can be read of it; what may not is told beside it. */
  async #get(
    what: readonly string[],
    input?: string,
  ): Promise<{ items: readonly KubeObject[]; hidden: string[] }> {
    const args = ['get', ...what, '--output', 'json', ...kubectlAt(this.place)]
    const { ok, stdout, stderr } = await this.#programs.attempt(
      'kubectl',
      args,
      input === undefined ? {} : { input },
    )
    if (!ok && !/forbidden|no matches for kind|doesn't have a resource type/.test(stderr)) {
      throw new ProgramFailed('kubectl', args, stderr)
    }
    return { items: itemsIn(stdout), hidden: stderr.split('\n').filter((line) => line.includes('forbidden')) }
  }
}

function jsonOrNull(text: string | null): unknown {
  try {
    return text === null ? null : (JSON.parse(text) as unknown)
  } catch {
    return null
  }
}

/** A single object comes by itself, none as nothing. */
function itemsIn(text: string): readonly KubeObject[] {
  if (text.trim() === '') return []
  const value = JSON.parse(text) as KubeObject | List
  return 'items' in value ? value.items : [value]
}

function timeOf({ lastTimestamp, eventTime, metadata }: KubeEvent): string {
  return lastTimestamp ?? eventTime ?? metadata.creationTimestamp ?? ''
}
