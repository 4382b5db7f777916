import { describe, expect, test } from 'vitest'
import { parse, stringify } from 'yaml'
import type { Rendered } from '../../../../src/render/rendered.ts'
import { renderTargets } from '../../../../src/render/topology.ts'
import { topologyOf } from '../../../../src/render/workloads.ts'
import { describeWith } from '../../../tools/describe-with.ts'
import { exportedBy, metricsIn, ownMetrics } from './metric-names.ts'
import { promtool } from './promtool.ts'
import { type Variant, fileOf, rendered, variantStack, variants } from './stacks.ts'

interface Panel {
  readonly id: number
  readonly type: string
  readonly title: string
  readonly description?: string
  readonly datasource?: unknown
  readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number }
  readonly targets?: readonly {
    readonly expr: string
    readonly datasource: unknown
    readonly refId: string
  }[]
  readonly panels?: readonly Panel[]
  readonly fieldConfig?: { readonly defaults: { readonly unit?: string; readonly thresholds?: unknown } }
}

interface Dashboard {
  readonly uid: string
  readonly title: string
  readonly schemaVersion: number
  readonly panels: readonly Panel[]
  readonly templating: { readonly list: readonly { readonly name: string; readonly query: unknown }[] }
  readonly annotations: { readonly list: readonly { readonly expr: string }[] }
}

const variantNames = Object.keys(variants) as Variant[]
const places = variantNames.flatMap((variant) => renderTargets.map((target) => [variant, target] as const))

async function dashboardsOf(...[variant, target]: (typeof places)[number]): Promise<[string, Dashboard][]> {
  const files = await rendered(variantStack(variant), target)
  return [...files]
    .filter(([path]) => path.includes('grafana/dashboards/'))
    .map(([path, text]) => [path, JSON.parse(text) as Dashboard])
}

/** Those inside collapsed rows too. */
function panelsOf({ panels }: Dashboard): readonly Panel[] {
  return panels.flatMap((panel) => [panel, ...(panel.panels ?? [])])
}

function queriesOf(dashboard: Dashboard): readonly string[] {
  return [
    ...panelsOf(dashboard).flatMap(({ targets = [] }) => targets.map(({ expr }) => expr)),
    ...dashboard.annotations.list.map(({ expr }) => expr),
  ]
}

/** As Grafana sends it. */
function filledIn(query: string): string {
  return query.replaceAll('$__rate_interval', '1m').replaceAll(/\$(\w+)/g, 'x')
}

interface Rule {
  readonly record?: string
  readonly expr: string
}

function rulesOf(files: Rendered): readonly Rule[] {
  return ['rules/recording.yaml', 'rules/alerts.yaml'].flatMap((path) => {
    const { groups } = parse(fileOf(files, path)) as { groups: { rules: Rule[] }[] }
    return groups.flatMap(({ rules }) => rules)
  })
}

describe('dashboards', () => {
  test('there is one for the whole, for each tier that has a model or data, and for the cost', async () => {
    const files = await rendered(variantStack('everything'), 'compose')
    const names = [...files.keys()].filter((path) => path.includes('/dashboards/') && path.endsWith('.json'))
    expect(names.map((path) => path.slice(path.lastIndexOf('/') + 1))).toEqual([
      'overview.json',
      'embed.json',
      'rerank.json',
      'vector.json',
      'generate.json',
      'ingest.json',
      'cost.json',
    ])
  })

  test.each(places)(
    '%s on %s: queries read only metrics that are exported or recorded',
    { timeout: 60_000 },
    async (variant, target) => {
      const stack = variantStack(variant)
      const files = await rendered(stack, target)
      const exported = exportedBy(topologyOf(stack, target))
      const rules = rulesOf(files)
      const recorded = new Set(rules.map(({ record }) => record))
      const unknown = (query: string): readonly string[] =>
        metricsIn(query).filter((name) => !exported.has(name) && !recorded.has(name) && !ownMetrics.has(name))
      expect(rules.flatMap(({ expr }) => unknown(expr))).toEqual([])
      const dashboards = await dashboardsOf(variant, target)
      expect(
        dashboards.flatMap(([path, one]) =>
          queriesOf(one)
            .flatMap(unknown)
            .map((name) => `${path}: ${name}`),
        ),
      ).toEqual([])
    },
  )

  test.each(places)(
    '%s on %s: a metric is asked of the job that exports it',
    { timeout: 60_000 },
    async (variant, target) => {
      const exported = exportedBy(topologyOf(variantStack(variant), target))
      for (const [path, dashboard] of await dashboardsOf(variant, target)) {
        for (const query of queriesOf(dashboard)) {
          for (const [, name = '', job = ''] of query.matchAll(/([\w:]+)\{[^}]*job="([^"]+)"/g)) {
            if (exported.has(name)) expect([...exported.get(name)!], `${path}: ${query}`).toContain(job)
          }
        }
      }
    },
  )

  test.each(renderTargets)(
    'on %s are laid out whole, with stable ids and no foreign data source',
    async (target) => {
      const dashboards = await dashboardsOf('everything', target)
      expect(new Set(dashboards.map(([, { uid }]) => uid)).size).toBe(dashboards.length)
      for (const [path, dashboard] of dashboards) {
        expect(dashboard.uid.length, path).toBeLessThanOrEqual(40)
        expect(dashboard.schemaVersion).toBe(42)
        const panels = panelsOf(dashboard)
        expect(panels.map(({ id }) => id)).toEqual(panels.map((_, index) => index + 1))
        const datasources = new Set(
          panels
            .flatMap((panel) => [panel.datasource, ...(panel.targets ?? []).map((one) => one.datasource)])
            .filter((one) => one !== undefined)
            .map((one) => JSON.stringify(one)),
        )
        expect([...datasources]).toEqual(['{"type":"prometheus","uid":"${datasource}"}'])
        expect(dashboard.templating.list[0]).toMatchObject({
          name: 'datasource',
          type: 'datasource',
          query: 'prometheus',
        })
        for (const panel of panels.filter(({ type }) => type !== 'row')) {
          expect(panel.description?.length, `${path}: ${panel.title}`).toBeGreaterThan(10)
          expect(panel.fieldConfig?.defaults.unit, `${path}: ${panel.title}`).toBeTruthy()
          expect(panel.targets?.length, `${path}: ${panel.title}`).toBeGreaterThan(0)
        }
        overlapsNothing(path, dashboard.panels)
        for (const { panels: inside = [] } of dashboard.panels) overlapsNothing(path, inside)
      }
    },
  )

  test.each(renderTargets)('on %s use no variable that they do not have', async (target) => {
    for (const [path, dashboard] of await dashboardsOf('everything', target)) {
      const known = new Set(['__rate_interval', ...dashboard.templating.list.map(({ name }) => name)])
      const text = JSON.stringify({
        panels: dashboard.panels,
        annotations: dashboard.annotations,
        variables: dashboard.templating,
      })
      const used = [...text.matchAll(/\$\{?(\w+)/g)]
        .map(([, name = '']) => name)
        .filter((name) => name !== '__all')
      expect(
        used.filter((name) => !known.has(name)),
        path,
      ).toEqual([])
    }
  })

  test('on Kubernetes ask for one namespace only', async () => {
    for (const [path, dashboard] of await dashboardsOf('everything', 'kubernetes')) {
      for (const query of queriesOf(dashboard)) {
        const selectors = query.match(/\{[^}]*\}/g) ?? []
        expect(selectors.length, `${path}: ${query}`).toBeGreaterThan(0)
        for (const selector of selectors)
          expect(selector, `${path}: ${query}`).toContain('namespace="$namespace"')
      }
    }
  })

  test('draw the SLO where the stack sets one', async () => {
    const [, overview] = (await dashboardsOf('everything', 'compose'))[0]!
    const latency = panelsOf(overview).find(({ title }) => title.startsWith('Latency, P95'))
    expect(latency?.title).toBe('Latency, P95 (SLO 5 s)')
    expect(latency?.fieldConfig?.defaults.thresholds).toEqual({
      mode: 'absolute',
      steps: [
        { color: 'green', value: null },
        { color: 'orange', value: 4 },
        { color: 'red', value: 5 },
      ],
    })
  })
})

function overlapsNothing(path: string, panels: readonly Panel[]): void {
  const taken = new Map<string, string>()
  for (const { title, gridPos } of panels) {
    expect(gridPos.x + gridPos.w, `${path}: ${title}`).toBeLessThanOrEqual(24)
    for (let x = gridPos.x; x < gridPos.x + gridPos.w; x++) {
      for (let y = gridPos.y; y < gridPos.y + gridPos.h; y++) {
        const cell = `${x},${y}`
        expect(taken.get(cell), `${path}: ${title} lies on another`).toBeUndefined()
        taken.set(cell, title)
      }
    }
  }
}

await describeWith('promtool', 'dashboards, parsed by Prometheus', (program) => {
  test('every query of every panel is PromQL', { timeout: 120_000 }, async () => {
    const rules: { record: string; expr: string; labels: Record<string, string> }[] = []
    for (const [variant, target] of places) {
      for (const [path, dashboard] of await dashboardsOf(variant, target)) {
        for (const [index, query] of queriesOf(dashboard).entries()) {
          const labels = { at: `${variant} ${path} ${index}` }
          rules.push({ record: 'panel:query:value', expr: filledIn(query), labels })
        }
      }
    }
    const { ok, said } = await promtool(
      program,
      new Map([['panels.yaml', stringify({ groups: [{ name: 'panels', rules }] })]]),
      ['check', 'rules', 'panels.yaml'],
    )
    expect(said).toContain(`SUCCESS: ${rules.length} rules found`)
    expect(ok).toBe(true)
  })
})
