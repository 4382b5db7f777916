import { describe, expect, it } from 'vitest'
import { presetText } from '../../../../src/stack/presets.ts'
import { type ComposeFile, filesOf, stackFrom, yamlValue } from '../rendered-stack.ts'

const production = await presetText('production')
const files = filesOf(stackFrom(production), 'swarm')
const stack = yamlValue(files.get('stack.yaml') ?? '')

function service(name: string, of: ComposeFile = stack) {
  const found = of.services[name]
  if (found === undefined) throw new Error(`no service ${name} among ${Object.keys(of.services).join(', ')}`)
  return found
}

/** `production` with more keys: each line is one below `tiers`. */
function productionWith(...tiers: readonly string[]): ComposeFile {
  const text = production.replace('tiers:\n', `tiers:\n${tiers.map((line) => `  ${line}\n`).join('')}`)
  return yamlValue(filesOf(stackFrom(text), 'swarm').get('stack.yaml') ?? '')
}

describe('GPUs on Swarm', () => {
  it('are generic resources of each task, so that replicas are one service', () => {
    const { deploy } = service('generate')
    expect(deploy?.replicas).toBe(4)
    expect(deploy?.resources?.reservations?.generic_resources).toEqual([
      { discrete_resource_spec: { kind: 'GPU', value: 1 } },
    ])
  })

  it('a replica that computes on several shares memory between them as Swarm can', () => {
    const over = yamlValue(
      filesOf(stackFrom(production.replace('tensorParallel: 1', 'tensorParallel: 2')), 'swarm').get(
        'stack.yaml',
      ) ?? '',
    )
    expect(service('generate', over).volumes).toContainEqual({
      type: 'tmpfs',
      target: '/dev/shm',
      tmpfs: { size: 16 * 2 ** 30 },
    })
  })
})

describe('replacing a version on Swarm', () => {
  it('begins the new replica first where there is room, and ends the old one first where it holds GPUs, data or ports', () => {
    const order = (name: string) => service(name).deploy?.update_config?.['order']
    expect(order('gateway')).toBe('start-first')
    expect(order('generate')).toBe('stop-first')
    expect(order('vector-1')).toBe('stop-first')
    expect(order('balancer')).toBe('stop-first')
  })

  it('goes back by itself when the new one does not become healthy', () => {
    for (const { deploy } of Object.values(stack.services)) {
      if (deploy?.mode !== 'replicated') continue
      expect(deploy.update_config).toMatchObject({ parallelism: 1, failure_action: 'rollback' })
    }
  })

  it('names configs by what is in them, since a swarm never changes one', () => {
    const other =
      filesOf(stackFrom(production.replace('topK: 5', 'topK: 6')), 'swarm').get('stack.yaml') ?? ''
    const nameIn = (of: ComposeFile, config: string) => of.configs?.[config]?.name
    expect(nameIn(yamlValue(other), 'gateway-config.json')).not.toBe(nameIn(stack, 'gateway-config.json'))
    expect(nameIn(yamlValue(other), 'balancer-nginx.conf')).toBe(nameIn(stack, 'balancer-nginx.conf'))
    expect(nameIn(stack, 'gateway-config.json')).toMatch(/^production_gateway-config\.json-[0-9a-f]{16}$/)
  })

  it('lets secrets change by a version in their names', () => {
    expect(stack.secrets?.['qdrant-api-key']?.name).toBe('production_qdrant-api-key_${RAGSCALE_SECRETS:-1}')
    expect(files.get('secrets/README.md')).toContain('RAGSCALE_SECRETS=2')
  })
})

describe('where things run on Swarm', () => {
  it('each Qdrant node has a name, a volume and a machine of its own', () => {
    for (const number of [1, 2, 3]) {
      const node = service(`vector-${number}`)
      expect(node.hostname).toBe(`vector-${number}`)
      expect(node.volumes?.[0]?.source).toBe(`vector-data-${number}`)
      expect(node.deploy?.placement).toEqual({
        constraints: [`node.labels.ragscale.vector-${number} == true`],
        max_replicas_per_node: 1,
      })
    }
  })

  it('a member of a cluster is asked whether it lives: nobody finds it before it is healthy', () => {
    const asked = service('vector-1').healthcheck?.test.join(' ')
    expect(asked).toContain('/livez')
    expect(asked).not.toContain('/readyz')
    expect(service('gateway').healthcheck?.test.join(' ')).toContain('/readyz')
  })

  it('a model is fetched on every machine that serves it, and on no other', () => {
    expect(service('models-generate').deploy).toMatchObject({
      mode: 'global-job',
      placement: { constraints: ['node.labels.ragscale.generate == true'] },
    })
    expect(service('generate').deploy?.placement?.constraints).toEqual([
      'node.labels.ragscale.generate == true',
    ])
    expect(service('collection').deploy).toMatchObject({ mode: 'replicated-job', replicas: 1 })
  })

  it('the README says every label that a machine needs', () => {
    const text = JSON.stringify(stack)
    const labels = [...text.matchAll(/node\.labels\.(ragscale\.[a-z0-9-]+)/g)].map(([, label]) => label)
    expect(labels.length).toBeGreaterThan(5)
    for (const label of labels) expect(files.get('README.md')).toContain(`--label-add ${label}=true`)
  })

  it('replicas with data of their own have a volume each', () => {
    const of = productionWith('metadata: { component: postgres, replicas: 3 }')
    const numbered = Object.keys(of.services).filter((name) => name.startsWith('metadata-replica'))
    const sources = numbered.map((name) => service(name, of).volumes?.[0]?.source)
    expect(new Set(sources).size).toBe(numbered.length)
    expect(sources).not.toContain('metadata-data')
  })
})

describe('addresses on Swarm', () => {
  it('replicas have addresses of their own, and no virtual one', () => {
    for (const name of ['gateway', 'embed', 'vector-1', 'generate', 'worker', 'cache', 'balancer']) {
      expect(service(name).deploy?.endpoint_mode, name).toBe('dnsrr')
    }
    expect(service('vector-2').networks).toEqual({ stack: { aliases: ['vector'] } })
  })

  it('stages.yaml alone publishes what load tests of single stages call', () => {
    const ports = yamlValue(files.get('stages.yaml') ?? '').services['balancer']?.ports ?? []
    expect(ports.map((port) => typeof port === 'object' && port.published)).toEqual([
      8081, 8082, 8083, 8084, 8085,
    ])
    expect(service('balancer').ports).toEqual([
      { target: 8080, published: 8080, protocol: 'tcp', mode: 'host' },
    ])
  })
})

it('each profile is a file to give beside stack.yaml', () => {
  const named = (file: string) => Object.keys(yamlValue(files.get(file) ?? '').services)
  expect(named('observability.yaml')).toEqual(['cadvisor', 'prometheus', 'grafana'])
  expect(named('gpu-metrics.yaml')).toEqual(['dcgm'])
  const tracing = yamlValue(files.get('tracing.yaml') ?? '')
  expect(tracing.services['gateway']).toEqual({
    environment: { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://collector:4318' },
  })
  expect(service('gateway').environment).not.toHaveProperty('OTEL_EXPORTER_OTLP_ENDPOINT')
})
