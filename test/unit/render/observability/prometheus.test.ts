import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { parse } from 'yaml'
import { renderObservability } from '../../../../src/render/observability/observability.ts'
import { type RenderTarget, renderTargets } from '../../../../src/render/topology.ts'
import { topologyOf } from '../../../../src/render/workloads.ts'
import { readTemplates } from '../../../../src/deployed/templates.ts'
import { describeWith } from '../../../tools/describe-with.ts'
import { arbitraryStack } from '../arbitrary-stack.ts'
import { promtool } from './promtool.ts'
import { fileOf, presetStack, rendered, variantStack } from './stacks.ts'

interface Scrape {
  readonly job_name: string
  readonly metrics_path?: string
  readonly authorization?: unknown
  readonly dns_sd_configs?: readonly { readonly names: readonly string[]; readonly port: number }[]
  readonly file_sd_configs?: readonly { readonly files: readonly string[] }[]
  readonly relabel_configs: readonly Readonly<Record<string, unknown>>[]
  readonly metric_relabel_configs?: readonly Readonly<Record<string, unknown>>[]
}

async function scrapesOf(target: RenderTarget): Promise<ReadonlyMap<string, Scrape>> {
  const text = fileOf(await rendered(variantStack('everything'), target), 'prometheus/prometheus.yml')
  const { scrape_configs } = parse(text) as { scrape_configs: Scrape[] }
  return new Map(scrape_configs.map((one) => [one.job_name, one]))
}

describe('what Prometheus scrapes', () => {
  test('on Compose: replicas with GPUs and nodes by their own names, others by the name that they share', async () => {
    const jobs = await scrapesOf('compose')
    expect(jobs.get('embed')?.dns_sd_configs).toMatchObject([{ names: ['embed-1', 'embed-2'], port: 80 }])
    expect(jobs.get('vector')?.dns_sd_configs?.[0]?.names).toEqual(['vector-1', 'vector-2', 'vector-3'])
    expect(jobs.get('gateway')?.dns_sd_configs?.[0]?.names).toEqual(['gateway'])
  })

  test('on Swarm: the tasks of a service, not its virtual address', async () => {
    const jobs = await scrapesOf('swarm')
    expect(jobs.get('embed')?.dns_sd_configs?.[0]?.names).toEqual(['tasks.embed'])
    expect(jobs.get('vector')?.dns_sd_configs?.[0]?.names).toEqual([
      'tasks.vector-1',
      'tasks.vector-2',
      'tasks.vector-3',
    ])
  })

  test('on plain hosts: instances by files, which are there for this host', async () => {
    const files = await rendered(variantStack('everything'), 'systemd')
    const jobs = await scrapesOf('systemd')
    expect([...jobs.keys()]).toEqual(['gateway', 'worker'])
    expect(jobs.get('gateway')?.file_sd_configs?.[0]?.files).toEqual([
      'targets/gateway.yaml',
      'targets/gateway.override.yaml',
    ])
    expect(parse(fileOf(files, 'targets/gateway.yaml'))).toEqual([
      { targets: ['127.0.0.1:8080', '127.0.0.1:8081'] },
    ])
  })

  test('on Kubernetes: nothing of its own, since the chart has ServiceMonitors', async () => {
    const files = await rendered(variantStack('everything'), 'kubernetes')
    expect(
      [...files.keys()].filter((path) => !/prometheus\/rules\/|grafana\/dashboards\//.test(path)),
    ).toEqual([])
  })

  test('needs no key for Qdrant, which shows its metrics on a port of their own', async () => {
    expect((await scrapesOf('compose')).get('vector')?.authorization).toBeUndefined()
  })

  test('of an emulated Qdrant, whose metrics are behind its key, brings the key', async () => {
    const stack = { ...variantStack('everything'), rehearse: true }
    const { workloads } = topologyOf(stack, 'compose')
    const vector = workloads.find(({ name }) => name === 'vector')
    const text = fileOf(await rendered(stack, 'compose'), 'prometheus/prometheus.yml')
    const { scrape_configs } = parse(text) as { scrape_configs: Scrape[] }
    const keyed = vector?.container.secrets.some(({ name }) => name === 'qdrant-api-key')
    expect(scrape_configs.find(({ job_name }) => job_name === 'vector')?.authorization).toEqual(
      keyed ? { credentials_file: '/run/secrets/qdrant-api-key' } : undefined,
    )
  })

  test('of cAdvisor keeps what rules read, by tier and replica', async () => {
    const configs = (await scrapesOf('compose')).get('cadvisor')?.metric_relabel_configs ?? []
    const relabelled = relabel(configs, {
      __name__: 'container_start_time_seconds',
      container_label_com_ragscale_tier: 'embed',
      container_label_com_docker_compose_service: 'embed-1',
      id: '/docker/0123',
      image: 'tei',
      name: 'handbook-embed-1-1',
    })
    expect(relabelled).toEqual({
      __name__: 'container_start_time_seconds',
      tier: 'embed',
      replica: 'handbook-embed-1-1',
      image: 'tei',
    })
    expect(relabel(configs, { __name__: 'container_start_time_seconds', name: 'somebody-elses' })).toBeNull()
    expect(
      relabel(configs, { __name__: 'container_tasks_state', container_label_com_ragscale_tier: 'embed' }),
    ).toBeNull()
    expect(relabel(configs, { __name__: 'machine_cpu_cores' })).toEqual({ __name__: 'machine_cpu_cores' })
  })

  test('of cAdvisor on Swarm names a task so that its next one has the same name', async () => {
    const configs = (await scrapesOf('swarm')).get('cadvisor')?.metric_relabel_configs ?? []
    const name = 'handbook_embed.2.k0b3c5d7e9f1a3b5c7d9e1f3a'
    const task = {
      __name__: 'container_start_time_seconds',
      container_label_com_ragscale_tier: 'embed',
      name,
    }
    expect(relabel(configs, task)?.['replica']).toBe('handbook_embed.2')
  })
})

/** As Prometheus relabels a sample, for the actions that are used; null when it is dropped. */
function relabel(
  configs: readonly Readonly<Record<string, unknown>>[],
  labels: Readonly<Record<string, string>>,
): Record<string, string> | null {
  let now: Record<string, string> = { ...labels }
  for (const {
    source_labels = [],
    regex = '(.*)',
    target_label,
    replacement = '$1',
    action = 'replace',
  } of configs) {
    const whole = new RegExp(`^(?:${String(regex)})$`)
    const value = (source_labels as string[]).map((label) => now[label] ?? '').join(';')
    const match = whole.exec(value)
    if (action === 'keep' && match === null) return null
    if (action === 'drop' && match !== null) return null
    if (action === 'labeldrop')
      now = Object.fromEntries(Object.entries(now).filter(([label]) => !whole.test(label)))
    if (action === 'replace' && match !== null) {
      const text = value.replace(whole, String(replacement))
      if (text === '') delete now[String(target_label)]
      else now[String(target_label)] = text
    }
  }
  return now
}

const presets = ['laptop', 'small', 'production'] as const

await describeWith('promtool', 'configuration and rules, read by Prometheus', (program) => {
  test.each(presets.flatMap((preset) => renderTargets.map((target) => [preset, target] as const)))(
    '%s on %s are valid',
    { timeout: 60_000 },
    async (preset, target) => {
      const files = await rendered(await presetStack(preset), target)
      const rules = [...files.keys()].filter((path) => path.includes('/rules/'))
      const checked = await promtool(program, files, ['check', 'rules', ...rules])
      expect(checked.said).not.toContain('FAILED')
      expect(checked.ok).toBe(true)
      if (target === 'kubernetes') return
      const config = [...files.keys()].find((path) => path.endsWith('/prometheus.yml')) ?? ''
      const { ok, said } = await promtool(program, files, ['check', 'config', config])
      expect(said).toContain(`${config} is valid prometheus config file syntax`)
      expect(ok).toBe(true)
    },
  )

  test('whatever valid stack is rendered, wherever', { timeout: 180_000 }, async () => {
    const templates = await readTemplates()
    const files = new Map<string, string>()
    const drawn = fc.sample(arbitraryStack(), { numRuns: 8, seed: 1 })
    for (const [index, stack] of drawn.entries()) {
      for (const target of renderTargets) {
        for (const [path, text] of renderObservability(topologyOf(stack, target), templates)) {
          files.set(`${index}/${path}`, text)
        }
      }
    }
    const rules = [...files.keys()].filter((path) => path.includes('/rules/'))
    const { ok, said } = await promtool(program, files, ['check', 'rules', ...rules])
    expect(said.split('Checking').filter((part) => part.includes('FAILED'))).toEqual([])
    expect(ok).toBe(true)
  })
})

describe('whatever valid stack is watched', () => {
  test(
    'the same stack gives the same bytes, JSON and YAML parse, and each file ends in a newline',
    { timeout: 60_000 },
    async () => {
      const templates = await readTemplates()
      fc.assert(
        fc.property(arbitraryStack(), fc.constantFrom(...renderTargets), (stack, target) => {
          const files = renderObservability(topologyOf(stack, target), templates)
          const again = renderObservability(topologyOf(stack, target), templates)
          expect([...again]).toEqual([...files])
          for (const [path, text] of files) {
            expect(text.endsWith('\n'), path).toBe(true)
            if (path.endsWith('.json')) JSON.parse(text)
            else parse(text)
          }
        }),
        { numRuns: 25 },
      )
    },
  )
})
