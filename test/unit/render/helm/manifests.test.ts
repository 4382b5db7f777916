import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { describeWith } from '../../../tools/describe-with.ts'
import { chartFolder, type Manifest, one, type Release, releaseOf, type Values } from './release.ts'
import { chartOf } from './stacks.ts'
import { type Variant, variants, whole } from './variants.ts'

const minutes = 60_000

// Helm takes a second for a release, and more on a busy machine.
vi.setConfig({ testTimeout: 120_000 })

await describeWith('helm', 'What Helm makes of a stack', (program) => {
  let chart: { path: string; close: () => void }
  let release: Release
  const released = (variant: Variant, more: Values = {}): Release =>
    releaseOf(program, chart.path, variants[variant], more)

  beforeAll(() => {
    chart = chartFolder(chartOf(whole))
    release = released('as it is')
  }, 2 * minutes)
  afterAll(() => chart.close())

  const pods = (): { name: string; spec: Manifest }[] =>
    release.objects
      .filter(({ kind }) => ['Deployment', 'StatefulSet', 'Job'].includes(kind))
      .map(({ metadata, spec }) => ({ name: metadata.name, spec: spec.template.spec as Manifest }))
  const containers = () => pods().flatMap(({ spec }) => [...spec.containers, ...(spec.initContainers ?? [])])
  const server = (name: string) => one(release, 'Deployment', `demo-ragscale-${name}`)
  const serverContainer = (name: string) => server(name).spec.template.spec.containers[0]

  test('no container may gain a right, and none has a capability but to listen below 1024', () => {
    for (const { securityContext } of containers()) {
      expect(securityContext.allowPrivilegeEscalation).toBe(false)
      expect(securityContext.capabilities.drop).toEqual(['ALL'])
      expect(securityContext.capabilities.add ?? ['NET_BIND_SERVICE']).toEqual(['NET_BIND_SERVICE'])
    }
    for (const { spec } of pods()) expect(spec.securityContext.seccompProfile.type).toBe('RuntimeDefault')
  })

  test('only images that are made so run as root, and everything else is read-only', () => {
    const root = pods().filter(({ spec }) => spec.securityContext.runAsNonRoot !== true)
    expect(root.map(({ name }) => name.replace(/-[0-9a-f]{8}$/, '')).sort()).toEqual([
      'demo-ragscale-embed',
      'demo-ragscale-generate',
      'demo-ragscale-models-embed',
      'demo-ragscale-models-generate',
      'demo-ragscale-models-rerank',
      'demo-ragscale-rerank',
      'demo-ragscale-ui',
    ])
    for (const { spec } of pods()) {
      if (spec.securityContext.runAsNonRoot !== true) continue
      expect(spec.securityContext.runAsUser).toBeGreaterThan(0)
      for (const { securityContext } of spec.containers)
        expect(securityContext.readOnlyRootFilesystem).toBe(true)
    }
  })

  test('each workload has an account of its own, without a token and without a right', () => {
    const accounts = pods().map(({ spec }) => spec.serviceAccountName as string)
    expect(new Set(accounts).size).toBe(accounts.length)
    for (const account of accounts) {
      expect(one(release, 'ServiceAccount', account).automountServiceAccountToken).toBe(false)
    }
    for (const { spec } of pods()) expect(spec.automountServiceAccountToken).toBe(false)
    expect(release.objects.filter(({ kind }) => kind.startsWith('Role'))).toEqual([])
  })

  test('no Service can configure vLLM by the variables that it would be known by', () => {
    for (const { spec } of pods()) expect(spec.enableServiceLinks).toBe(false)
    const names = release.objects
      .filter(({ kind }) => kind === 'Service')
      .map(({ metadata }) => metadata.name)
    expect(names).not.toContain('vllm')
  })

  test('the start is waited for by the startup probe alone, ten minutes and more where a language model loads', () => {
    for (const { spec } of pods()) {
      for (const { startupProbe, readinessProbe, livenessProbe } of spec.containers) {
        for (const probe of [startupProbe, readinessProbe, livenessProbe]) {
          expect(probe?.initialDelaySeconds).toBeUndefined()
        }
      }
    }
    const { failureThreshold, periodSeconds } = serverContainer('generate').startupProbe
    expect(failureThreshold * periodSeconds).toBeGreaterThanOrEqual(600)
    expect(server('generate').spec.progressDeadlineSeconds).toBeGreaterThan(failureThreshold * periodSeconds)
  })

  test('a server is sent nothing for 15 s, then ends what it is doing, and only then could be killed', () => {
    const { args, lifecycle } = serverContainer('generate')
    const shutdown = Number(args[args.indexOf('--shutdown-timeout') + 1])
    expect(lifecycle.preStop.sleep.seconds).toBe(15)
    expect(server('generate').spec.template.spec.terminationGracePeriodSeconds).toBeGreaterThan(15 + shutdown)
    for (const { spec } of pods()) {
      for (const container of spec.containers) {
        const wait = container.lifecycle?.preStop.sleep.seconds ?? 0
        expect(spec.terminationGracePeriodSeconds).toBeGreaterThan(wait)
      }
    }
  })

  test('a roll-out takes no GPU that is not there, and loses no capacity where none is needed', () => {
    const rolling = (name: string) => server(name).spec.strategy.rollingUpdate
    expect(rolling('generate')).toEqual({ maxSurge: 0, maxUnavailable: 1 })
    expect(rolling('embed')).toEqual({ maxSurge: 0, maxUnavailable: 1 })
    expect(rolling('gateway')).toEqual({ maxSurge: 1, maxUnavailable: 0 })
    expect(serverContainer('generate').resources.limits['nvidia.com/gpu']).toBe(1)
    expect(serverContainer('gateway').resources.limits['nvidia.com/gpu']).toBeUndefined()
  })

  test('each tier is drained one pod at a time, spread over zones and machines, and kept off others’ GPUs', () => {
    for (const { kind, metadata, spec } of release.objects) {
      if (kind !== 'Deployment' && kind !== 'StatefulSet') continue
      const { maxUnavailable, selector } = one(release, 'PodDisruptionBudget', metadata.name).spec
      expect(maxUnavailable).toBe(1)
      expect(spec.template.metadata.labels).toMatchObject(selector.matchLabels)
      const spread = spec.template.spec.topologySpreadConstraints as { topologyKey: string }[]
      expect(spread.map(({ topologyKey }) => topologyKey)).toEqual([
        'topology.kubernetes.io/zone',
        'kubernetes.io/hostname',
      ])
    }
    expect(server('generate').spec.template.spec.tolerations).toEqual([
      { key: 'nvidia.com/gpu', operator: 'Exists', effect: 'NoSchedule' },
    ])
  })

  test('a Qdrant cluster starts as one, keeps its data, and has no two nodes on a machine', () => {
    const vector = one(release, 'StatefulSet', 'demo-ragscale-vector')
    expect(vector.spec.podManagementPolicy).toBe('Parallel')
    expect(vector.spec.persistentVolumeClaimRetentionPolicy.whenScaled).toBe('Retain')
    const apart = vector.spec.template.spec.affinity.podAntiAffinity
    expect(apart.requiredDuringSchedulingIgnoredDuringExecution[0].topologyKey).toBe('kubernetes.io/hostname')
    const peers = one(release, 'Service', vector.spec.serviceName)
    expect(peers.spec).toMatchObject({ clusterIP: 'None', publishNotReadyAddresses: true })
    expect(JSON.stringify(vector.spec.template.spec.containers)).toContain(
      'http://demo-ragscale-vector-0.demo-ragscale-vector-peers:6335',
    )
    const claims = vector.spec.volumeClaimTemplates as Manifest[]
    expect(claims.map(({ metadata }) => metadata.name)).toEqual(['vector-data', 'vector-snapshots'])
    // Peers talk to peers; nobody else sees that port.
    const open = release.objects.filter(
      ({ kind, spec }) => kind === 'Service' && JSON.stringify(spec.ports).includes('6335'),
    )
    expect(open).toEqual([peers])
  })

  test('replicas that the balancer resolves are ready ones', () => {
    const headless = one(release, 'Service', 'demo-ragscale-embed-headless')
    expect(headless.spec).toMatchObject({ clusterIP: 'None' })
    expect(headless.spec.publishNotReadyAddresses).toBeUndefined()
    const { data } = one(release, 'ConfigMap', 'demo-ragscale-balancer')
    expect(data['etc.nginx.nginx.conf']).toContain('demo-ragscale-embed-headless.rag.svc.cluster.local:80')
  })

  test('a model is in the volume before its server starts, and one at a time fetches it', () => {
    const { spec } = server('generate').spec.template
    const [fetch] = spec.initContainers
    expect(fetch.command[0]).toBe('flock')
    expect(fetch.volumeMounts).toContainEqual(expect.objectContaining({ name: 'models' }))
    expect(spec.volumes).toContainEqual({
      name: 'models',
      persistentVolumeClaim: { claimName: 'demo-ragscale-models' },
    })
    const none = released('models that are there already')
    const there = one(none, 'Deployment', 'demo-ragscale-generate').spec.template.spec
    expect(there.initContainers).toBeUndefined()
    expect(there.volumes).toContainEqual({ name: 'models', persistentVolumeClaim: { claimName: 'models' } })
    expect(none.objects.filter(({ kind }) => kind === 'Job')).toHaveLength(1)
  })

  test('a changed configuration rolls the pods that read it, and no others', () => {
    const changed = released('as it is', {
      tiers: { gateway: { filesOverride: { '/etc/ragscale/config.json': '{}' } } },
    })
    const sum = ({ objects }: Release, name: string) =>
      objects.find(
        ({ kind, metadata }) => kind === 'Deployment' && metadata.name === `demo-ragscale-${name}`,
      )?.['spec'].template.metadata.annotations['checksum/config']
    expect(sum(changed, 'gateway')).not.toBe(sum(release, 'gateway'))
    expect(sum(changed, 'worker')).toBe(sum(release, 'worker'))
  })

  test('a pod does not roll because the chart has another version', () => {
    for (const { kind, spec } of release.objects) {
      if (kind !== 'Deployment' && kind !== 'StatefulSet') continue
      expect(Object.keys(spec.template.metadata.labels as object)).not.toContain('helm.sh/chart')
    }
  })

  test('Prometheus is asked for this release’s series alone', () => {
    const watched = released('watched by the Prometheus operator')
    const rules = watched.objects.filter(({ kind }) => kind === 'PrometheusRule')
    expect(rules.length).toBeGreaterThan(0)
    expect(JSON.stringify(rules)).toContain(String.raw`namespace=\"rag\"`)
    expect(watched.text).not.toContain('RELEASE_NAMESPACE')
    const { endpoints, jobLabel } = one(watched, 'ServiceMonitor', 'demo-ragscale-vector').spec
    expect(jobLabel).toBe('app.kubernetes.io/component')
    expect(endpoints[0]).toMatchObject({ port: 'metrics', path: '/metrics' })
    // Each pod is found once, behind one of its Services.
    const scraped = watched.objects.filter(
      ({ kind, metadata }) => kind === 'Service' && metadata.labels?.['ragscale.com/scraped'] === 'true',
    )
    expect(scraped.filter(({ metadata }) => /-(headless|peers)$/.test(metadata.name))).toEqual([])
  })

  test('the quota is what the limits allow', () => {
    const { hard } = one(release, 'ResourceQuota', 'demo-ragscale').spec
    expect(hard['requests.nvidia.com/gpu']).toBe('16')
    expect(Number(hard.pods)).toBeGreaterThanOrEqual(5 * 16)
  })

  test('a secret is a file in its container alone, whatever ends it', () => {
    expect(release.text).not.toContain('secretKeyRef')
    const {
      volumes,
      containers: [server],
    } = one(release, 'StatefulSet', 'demo-ragscale-vector').spec.template.spec
    expect(server.command[2]).toMatch(
      /^QDRANT__SERVICE__API_KEY="\$\$\(cat \/run\/secrets\/qdrant-api-key\)"/,
    )
    const { projected } = volumes.find(({ name }: { name: string }) => name === 'secrets')
    expect(projected.sources).toEqual([
      {
        secret: { name: 'demo-ragscale-secrets', items: [{ key: 'qdrant-api-key', path: 'qdrant-api-key' }] },
      },
    ])
  })

  test('no secret is in any manifest unless its value is given at the install', () => {
    expect(release.objects.filter(({ kind }) => kind === 'Secret')).toEqual([])
    const { data } = one(released('its own Secret'), 'Secret', 'demo-ragscale-secrets')
    expect(Object.keys(data as object).sort()).toEqual([
      'postgres-password',
      'qdrant-api-key',
      'redis-password',
    ])
    expect(() => released('as it is', { secrets: { create: true } })).toThrow(
      'secrets.values.postgres-password is missing',
    )
  })

  test('a rehearsal takes no GPU and fetches no model', () => {
    const rehearsal = chartFolder(chartOf({ ...whole, rehearse: true }))
    try {
      const text = JSON.stringify(
        releaseOf(program, rehearsal.path).objects.filter(({ kind }) => kind !== 'ResourceQuota'),
      )
      expect(text).not.toContain('nvidia.com/gpu')
      expect(text).not.toContain('models-generate')
      expect(text).toContain('emulators/vllm')
    } finally {
      rehearsal.close()
    }
  })
})
