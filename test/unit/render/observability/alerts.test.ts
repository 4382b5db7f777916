import { describe, expect, test } from 'vitest'
import { parse, stringify } from 'yaml'
import { components } from '../../../../src/catalog/catalog.ts'
import { observedOf } from '../../../../src/render/observability/watched.ts'
import { type RenderTarget, renderTargets } from '../../../../src/render/topology.ts'
import { describeWith } from '../../../tools/describe-with.ts'
import type { AlertCase, Series } from './alert-case.ts'
import { balancerCases } from './cases/balancers.ts'
import { modelCases } from './cases/models.ts'
import { qdrantCases } from './cases/qdrant.ts'
import { serviceCases } from './cases/services.ts'
import { costCases, resourceCases } from './cases/resources.ts'
import { sloCases, stageCases, tierCases } from './cases/slo.ts'
import { promtool } from './promtool.ts'
import { rulesFor } from './rules-for.ts'
import { type Variant, fileOf, rendered, variantStack, variants } from './stacks.ts'

const cases: readonly AlertCase[] = [
  ...sloCases,
  ...stageCases,
  ...tierCases,
  ...resourceCases,
  ...costCases,
  ...serviceCases,
  ...qdrantCases,
  ...modelCases,
  ...balancerCases,
]

interface Rule {
  readonly alert: string
  readonly labels: Readonly<Record<string, string>>
  readonly annotations: Readonly<Record<string, string>>
}

async function alertsOf(variant: Variant, target: RenderTarget): Promise<readonly Rule[]> {
  const text = fileOf(await rendered(variantStack(variant), target), 'rules/alerts.yaml')
  return (parse(text) as { groups: { rules: Rule[] }[] }).groups.flatMap(({ rules }) => rules)
}

const variantNames = Object.keys(variants) as Variant[]

describe('alerts', () => {
  test('each has a case that says when it fires and when it does not', { timeout: 60_000 }, async () => {
    const names = new Set<string>()
    for (const variant of variantNames) {
      for (const target of renderTargets) {
        for (const { alert } of await alertsOf(variant, target)) names.add(alert)
      }
    }
    const tested = new Set(cases.map(({ alert }) => alert))
    expect([...names].filter((name) => !tested.has(name))).toEqual([])
    expect([...tested].filter((name) => !names.has(name))).toEqual([])
  })

  test('every component that brings alerts is in one of the stacks that are tested', async () => {
    const all = components.flatMap((component) =>
      component.fills.flatMap(
        (tier) => observedOf(component, tier, variantStack('everything'))?.alerts ?? [],
      ),
    )
    const tested = new Set(cases.map(({ alert }) => alert))
    expect(all.map(({ name }) => name).filter((name) => !tested.has(name))).toEqual([])
  })

  test.each(renderTargets)(
    'on %s each says what to do, in words that a person reads',
    { timeout: 60_000 },
    async (target) => {
      for (const { alert, labels, annotations } of await alertsOf('everything', target)) {
        expect(['warning', 'critical'], alert).toContain(labels['severity'])
        expect(labels['stack'], alert).toBe('handbook')
        for (const part of ['summary', 'description', 'runbook']) {
          expect(annotations[part]?.length, `${alert}: ${part}`).toBeGreaterThan(20)
        }
        expect(annotations['runbook'], alert).toMatch(/^1\. .+\n2\. /)
      }
    },
  )
})

/** What promtool is to find: whether any of the alert fires at a time. */
function expectation(one: AlertCase, at: string, fires: boolean): Record<string, unknown> {
  const only = one.only === undefined ? [] : [one.only]
  const selector = ['alertstate="firing"', `alertname="${one.alert}"`, ...only]
  return {
    expr: `count(ALERTS{${selector.join(', ')}}) > bool 0`,
    eval_time: at,
    exp_samples: fires ? [{ labels: '{}', value: 1 }] : [],
  }
}

function testOf(one: AlertCase, series: Series, fires: boolean): Record<string, unknown> {
  const { at, notAt } = one
  return {
    name: `${one.alert} ${one.only ?? ''} ${fires ? 'fires' : 'stays quiet'}`,
    interval: '1m',
    input_series: Object.entries(series).map(([name, values]) => ({ series: name, values })),
    promql_expr_test: [
      expectation(one, at, fires),
      ...(fires && notAt !== undefined ? [expectation(one, notAt, false)] : []),
    ],
  }
}

/** Files that test some cases of one alert, with those rules alone that it is made of: all of them take minutes. */
async function filesFor(name: string, of: readonly AlertCase[]): Promise<[string, string][]> {
  const [{ variant = 'everything', target = 'compose', alert, only = '' } = of[0]!] = of
  const files = await rendered(variantStack(variant), target)
  const rules = rulesFor(
    alert,
    only,
    fileOf(files, 'rules/recording.yaml'),
    fileOf(files, 'rules/alerts.yaml'),
  )
  const tests = of.flatMap((one) => [testOf(one, one.over, true), testOf(one, one.under, false)])
  return [
    [`${name}.rules.yaml`, rules],
    [
      `${name}.test.yaml`,
      stringify({ rule_files: [`${name}.rules.yaml`], evaluation_interval: '1m', tests }),
    ],
  ]
}

await describeWith('promtool', 'alerts, evaluated by Prometheus', (program) => {
  test('fire when they should, and only then', { timeout: 300_000 }, async () => {
    const groups = Map.groupBy(cases, ({ alert, only, variant, target }) =>
      [alert, variant, target, only?.replaceAll(/\W+/g, '_')].filter((part) => part !== undefined).join('-'),
    )
    const files = new Map<string, string>()
    for (const [name, group] of groups) {
      for (const [path, text] of await filesFor(name, group)) files.set(path, text)
    }
    const tests = [...groups.keys()].map((name) => `${name}.test.yaml`)
    const { ok, said } = await promtool(program, files, ['test', 'rules', ...tests])
    // Of each file: its name, then what did not come as expected.
    expect(said.split('Unit Testing:').filter((part) => !/SUCCESS|^\s*$/.test(part))).toEqual([])
    expect(ok).toBe(true)
  })
})
