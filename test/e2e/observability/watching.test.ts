import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { parse } from 'yaml'
import { componentNamed } from '../../../src/catalog/catalog.ts'
import type { Observed } from '../../../src/catalog/observed.ts'
import { readTemplates } from '../../../src/deployed/templates.ts'
import { renderObservability } from '../../../src/render/observability/observability.ts'
import { observedOf } from '../../../src/render/observability/watched.ts'
import { topologyOf } from '../../../src/render/workloads.ts'
import { readStack } from '../../../src/stack/load.ts'
import { describeWith } from '../../tools/describe-with.ts'
import { metricsIn } from '../../unit/render/observability/metric-names.ts'
import { type RealPrometheus, realPrometheus } from './real-prometheus.ts'
import { until } from '../local/stack-on-disk.ts'
import { type Family, familiesOf } from './exposition.ts'
import { type WatchedStack, watchedStack } from './watched-stack.ts'

let stack: WatchedStack

beforeAll(async () => {
  stack = await watchedStack()
  await stack.serve(10)
})
afterAll(async () => {
  await stack.disk.remove()
})

async function scraped(job: string): Promise<ReadonlyMap<string, Family>> {
  const replica = stack.replicas.find((one) => one.job === job)
  const response = await fetch(`${replica?.url}/metrics`)
  return familiesOf(await response.text())
}

function observed(component: string, tier: string): Observed {
  const { stack: read } = readStack(stack.yaml, '/stacks/ragscale.yaml')
  if (read === null) throw new Error('the stack is not valid')
  const about = observedOf(componentNamed(component), tier, read)
  if (about === undefined) throw new Error(`nothing is said of what ${component} exports`)
  return about
}

/** What the real software exports and its emulator does not: nothing happens there that they could tell of. */
const notEmulated: Readonly<Record<string, readonly string[]>> = {
  tei: ['te_request_tokenization_duration', 'te_request_input_length'],
  vllm: ['vllm:iteration_tokens_total', 'vllm:cache_config_info'],
  qdrant: [],
  reference: [
    'ragscale_worker_queue_backlog',
    'ragscale_worker_queue_pending',
    'ragscale_worker_queue_dead_letters',
    'ragscale_worker_queue_up',
    'ragscale_worker_queue_retries_total',
    'ragscale_worker_queue_dead_letters_total',
  ],
}

describe('what the catalogue says that a component exports', () => {
  test.each([
    ['embed', 'tei'],
    ['rerank', 'tei'],
    ['vector', 'qdrant'],
    ['generate', 'vllm'],
    ['gateway', 'reference'],
    ['worker', 'reference'],
  ] as const)('is what %s (%s) serves at /metrics', async (tier, component) => {
    const served = await scraped(tier)
    const { exports, buckets = {} } = observed(component, tier)
    const missing = Object.keys(exports).filter((name) => !served.has(name))
    expect(missing.filter((name) => !notEmulated[component]?.includes(name))).toEqual([])
    for (const [name, type] of Object.entries(exports)) {
      // Read off when asked, `process_cpu_seconds_total` has no counter's type in the exposition.
      if (served.has(name) && !name.startsWith('process_')) expect(served.get(name)?.type, name).toBe(type)
    }
    for (const [name, bounds] of Object.entries(buckets))
      expect(served.get(name)?.buckets, name).toEqual(bounds)
  })
})

/** Panels of a dashboard, those in collapsed rows too: title → queries, as Grafana sends them. */
function queriesIn(dashboard: string): readonly (readonly [title: string, query: string])[] {
  interface Panel {
    readonly title: string
    readonly targets?: readonly { readonly expr: string }[]
    readonly panels?: readonly Panel[]
  }
  const { panels } = JSON.parse(dashboard) as { panels: Panel[] }
  return panels
    .flatMap((panel) => [panel, ...(panel.panels ?? [])])
    .flatMap(({ title, targets = [] }) =>
      targets.map(
        ({ expr }) => [title, expr.replaceAll('$__rate_interval', '1m').replaceAll(/\$\w+/g, '.*')] as const,
      ),
    )
}

/** What this stack cannot show: no containers, no GPUs, no queue, and nothing that failed. */
const notHere = new RegExp(
  [
    'replica:',
    'DCGM_',
    'ALERTS',
    'te_request_failure',
    'upstream_failures',
    'ragscale_worker_queue_',
    ...Object.values(notEmulated).flat(),
  ].join('|'),
)

await describeWith('prometheus', 'a real Prometheus that watches the stack', (program) => {
  let prometheus: RealPrometheus
  let files: ReadonlyMap<string, string>

  beforeAll(async () => {
    const read = readStack(stack.yaml, '/stacks/ragscale.yaml').stack
    if (read === null) throw new Error('the stack is not valid')
    files = renderObservability(topologyOf(read, 'compose'), await readTemplates())
    const rules = [...files].filter(([path]) => path.includes('/rules/'))
    const named = new Map(rules.map(([path, text]) => [path.slice(path.lastIndexOf('/') + 1), text]))
    prometheus = await realPrometheus(program, named, stack.replicas)
    const scrapes = async (): Promise<number> => {
      const [fewest] = await prometheus.query('min(count_over_time(up[5m]))')
      const replicas = await prometheus.query('up')
      return replicas.length < stack.replicas.length ? 0 : Number(fewest?.value[1] ?? 0)
    }
    // A rate is of what grew between two scrapes: of every replica one comes before what it serves, and some after.
    await until(async () => (await scrapes()) >= 1, 200)
    for (let round = 0; round < 3; round++) await stack.serve(5)
    const before = await scrapes()
    await until(async () => (await scrapes()) >= before + 3, 500)
  })
  afterAll(async () => {
    await prometheus.stop()
  })

  test('sees every replica', async () => {
    const up = await prometheus.query('up')
    expect(Object.fromEntries(up.map(({ metric, value }) => [metric['replica'], value[1]]))).toEqual(
      Object.fromEntries(stack.replicas.map(({ name }) => [name, '1'])),
    )
  })

  test('has something to show in every panel of every dashboard', async () => {
    const empty: string[] = []
    const dashboards = [...files].filter(([path]) => path.includes('/dashboards/') && path.endsWith('.json'))
    for (const [path, text] of dashboards) {
      for (const [title, query] of queriesIn(text)) {
        const samples = await prometheus.query(query)
        const shown = samples.filter(({ value }) => value[1] !== 'NaN')
        if (shown.length === 0 && !metricsIn(query).some((name) => notHere.test(name))) {
          empty.push(`${path.slice(path.lastIndexOf('/') + 1)}: ${title}: ${query}`)
        }
      }
    }
    expect(empty).toEqual([])
  })

  test('evaluates every recording rule, to something where there is something', async () => {
    const recording = [...files].find(([path]) => path.endsWith('/recording.yaml'))?.[1] ?? ''
    const { groups } = parse(recording) as { groups: { rules: { record: string }[] }[] }
    const records = new Set(groups.flatMap(({ rules }) => rules.map(({ record }) => record)))
    const missing: string[] = []
    for (const record of records) if ((await prometheus.query(record)).length === 0) missing.push(record)
    expect(missing.filter((record) => !notHere.test(record))).toEqual([])
  })

  // Whether it is slow is the machine's matter.
  test('finds nothing down, lost or too dear in a stack that is well', async () => {
    const firing = await prometheus.query(
      'ALERTS{alertstate="firing", alertname=~"TierDown|ReplicasMissing|Budget.*|Qdrant.*|Worker.*"}',
    )
    expect(firing.map(({ metric }) => metric)).toEqual([])
  })

  test('counts what the stack costs: four L4', async () => {
    const [cost] = await prometheus.query('stack:cost_per_hour:usd')
    expect(Number(cost?.value[1])).toBeCloseTo(4 * 0.8, 6)
  })
})
