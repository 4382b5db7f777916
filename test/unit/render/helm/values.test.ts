import { Ajv } from 'ajv'
import fc from 'fast-check'
import { afterAll, describe, expect, test, vi } from 'vitest'
import { parse } from 'yaml'
import { readTemplates } from '../../../../src/deployed/templates.ts'
import { renderHelm } from '../../../../src/render/helm/helm.ts'
import { literal } from '../../../../src/render/helm/literal.ts'
import { cpuQuantity, diskQuantity, memoryQuantity } from '../../../../src/render/helm/quantities.ts'
import { topologyOf } from '../../../../src/render/workloads.ts'
import type { Stack } from '../../../../src/stack/stack.ts'
import { describeWith } from '../../../tools/describe-with.ts'
import { arbitraryStack } from '../arbitrary-stack.ts'
import { chartFolder, releaseOf } from './release.ts'
import { chartOf, fileOf, presetStack } from './stacks.ts'

vi.setConfig({ testTimeout: 300_000 })

const templates = await readTemplates()
const chart = (stack: Stack) => renderHelm(topologyOf(stack, 'kubernetes'), templates)
const valuesOf = (stack: Stack) =>
  parse(fileOf(chart(stack), 'helm/ragscale/values.yaml')) as {
    readonly tiers: Readonly<Record<string, Written>>
    readonly jobs: Readonly<Record<string, Written>>
    readonly storage: Readonly<Record<string, unknown>>
  }

/** What is looked at of a tier or job of values.yaml. */
interface Written {
  readonly gpus: number
  readonly calls: {
    readonly balanced?: readonly string[]
    readonly direct?: Readonly<Record<string, readonly number[]>>
  }
  readonly mounts?: readonly { readonly name: string; readonly kind: string }[]
  readonly autoscaling?: { readonly enabled: boolean; readonly max: number }
}
const anyStack = arbitraryStack({ targets: ['kubernetes'] })

const schema = JSON.parse(fileOf(chart(presetStack('laptop')), 'helm/ragscale/values.schema.json')) as object
const valid = new Ajv({
  allErrors: true,
  allowUnionTypes: true,
  strict: true,
  strictRequired: false,
}).compile(schema)

describe('values of any stack', () => {
  test('are what their schema says', () => {
    fc.assert(
      fc.property(anyStack, (stack) => {
        const values: unknown = valuesOf(stack)
        expect(valid(values), JSON.stringify(valid.errors)).toBe(true)
      }),
      { numRuns: 30 },
    )
  })

  test('count its GPUs, and never go beyond its limits', () => {
    fc.assert(
      fc.property(anyStack, (stack) => {
        const { tiers } = valuesOf(stack)
        for (const [name, { gpus, autoscaling }] of Object.entries(tiers)) {
          const tier = (stack.tiers as Record<string, { tensorParallel?: number; gpu?: string } | undefined>)[
            name
          ]
          const wanted =
            stack.rehearse || tier?.gpu === undefined || tier.gpu === 'cpu' ? 0 : (tier.tensorParallel ?? 1)
          expect(gpus, name).toBe(wanted)
          if (autoscaling?.enabled !== true || stack.limits.replicas === null) continue
          expect(autoscaling.max).toBeLessThanOrEqual(stack.limits.replicas)
        }
      }),
      { numRuns: 30 },
    )
  })

  test('call only what is there', () => {
    fc.assert(
      fc.property(anyStack, (stack) => {
        const { tiers, jobs } = valuesOf(stack)
        for (const { calls } of [...Object.values(tiers), ...Object.values(jobs)]) {
          for (const called of [...(calls.balanced ?? []), ...Object.keys(calls.direct ?? {})]) {
            expect(Object.keys(tiers)).toContain(called)
          }
        }
      }),
      { numRuns: 30 },
    )
  })

  test('name every volume that is mounted', () => {
    fc.assert(
      fc.property(anyStack, (stack) => {
        const { tiers, jobs, storage } = valuesOf(stack)
        for (const { mounts = [] } of [...Object.values(tiers), ...Object.values(jobs)]) {
          for (const { name, kind } of mounts) {
            if (kind === 'shared' || kind === 'own') expect(Object.keys(storage)).toContain(name)
          }
        }
      }),
      { numRuns: 30 },
    )
  })

  test('are the same bytes for the same stack', () => {
    fc.assert(
      fc.property(anyStack, (stack) => {
        expect([...chart(stack)]).toEqual([...chart(stack)])
      }),
      { numRuns: 10 },
    )
  })
})

await describeWith('helm', 'any stack', (program) => {
  const folders: { path: string; close: () => void }[] = []
  afterAll(() => folders.forEach(({ close }) => close()))

  test('is a chart that Helm takes', () => {
    fc.assert(
      fc.property(anyStack, (stack) => {
        const folder = chartFolder(chartOf(stack))
        folders.push(folder)
        const { objects } = releaseOf(program, folder.path, { monitoring: { enabled: true } })
        // Names fit into labels, with what controllers put behind them.
        for (const { kind, metadata } of objects) {
          expect(metadata.name).toMatch(/^[a-z][a-z0-9-]*[a-z0-9]$/)
          expect(metadata.name.length, metadata.name).toBeLessThanOrEqual(kind === 'StatefulSet' ? 52 : 57)
        }
      }),
      { numRuns: 5 },
    )
  })
})

describe('quantities', () => {
  test('of cores are thousandths, and never none', () => {
    expect([2, 0.25, 0.0001].map(cpuQuantity)).toEqual(['2', '250m', '1m'])
  })

  test('of memory and disks are rounded up', () => {
    expect([2 ** 30, 1.5 * 2 ** 30, 1].map(memoryQuantity)).toEqual(['1Gi', '1536Mi', '1Mi'])
    expect([1, 2 ** 30 + 1].map(diskQuantity)).toEqual(['1Gi', '2Gi'])
  })
})

test('a `$` arrives in a container as it was written', () => {
  expect(literal('exec $0 ${A} $(date) $$')).toBe('exec $0 ${A} $$(date) $$$')
  fc.assert(
    fc.property(fc.stringMatching(/^[$(){}A b]{0,12}$/), (text) => {
      expect(expanded(literal(text))).toBe(text)
    }),
  )
})

/**
 * What the kubelet makes of a command without any variable of that name: `$$` is an escaped `$`, and an unknown `$(X)`
 * stays (k8s.io/kubernetes/third_party/forked/golang/expansion).
 */
function expanded(text: string): string {
  return text.replaceAll(/\$(\$|\([^)]*\))/g, (_, next: string) => (next === '$' ? '$' : `$${next}`))
}
