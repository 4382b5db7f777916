/** What a stack is to be on the cluster: the chart as `render` writes it, and what Helm makes of it there. */
import { cp, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { existsSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { type Comparison, compareWithFolder } from '../../deployed/compare.ts'
import { readTemplates } from '../../deployed/templates.ts'
import { ExitCode, UserError } from '../../errors.ts'
import { render } from '../../render/render.ts'
import { secretsOfStack, type Secret } from '../../render/compose/secrets.ts'
import type { Rendered } from '../../render/rendered.ts'
import type { Topology } from '../../render/topology.ts'
import { topologyOf } from '../../render/workloads.ts'
import type { Stack } from '../../stack/stack.ts'
import { objectsIn } from './manifest.ts'
import { type NextValues, nextValues } from './next-release.ts'
import type { Controller, KubeObject } from './objects.ts'
import type { Place } from './place.ts'
import { ProgramFailed, type Programs } from './programs.ts'
import { helmAt } from './release.ts'

export interface Wanted {
  readonly topology: Topology
  readonly rendered: Rendered
  /** The rendering beside `deploy/`. */
  readonly comparison: Comparison
  /** Everything that Helm would have there. */
  readonly objects: readonly KubeObject[]
  readonly secrets: readonly Secret[]
  /** Where the chart and its values are: what execute needs of it. */
  readonly chart: ChartSource
}

/** A chart that may differ from the one in `deploy/`, by other counts. */
export interface ChartSource {
  /** Absolute, of `deploy/`; null: the user keeps nothing there yet. */
  readonly deployed: string | null
  /** Files below `helm/ragscale/`, over those of `deploy/`. */
  readonly files: Rendered
  /** Absolute; null where the user has written none. */
  readonly overrides: string | null
  /** A second release of the gateway, which no file speaks of. */
  readonly next: NextValues | null
}

/** What a cluster says of itself, for the chart to ask about. */
export interface Capabilities {
  /** `v1.36.3` */
  readonly version: string
  /** `apps/v1`, `apps/v1/Deployment` */
  readonly apis: readonly string[]
}

const chartPath = 'helm/ragscale/'
export const overridesName = 'values.override.yaml'

/** @throws UserError (exit 2) where the stack cannot be rendered, or Helm refuses the chart with the user's values */
export async function readWanted(
  stack: Stack,
  release: string,
  place: Place,
  capabilities: Capabilities,
  programs: Programs,
  there: { readonly deployed: readonly KubeObject[]; readonly found: readonly Controller[] },
): Promise<Wanted> {
  // Two releases of the gateway are what the chart itself is told of; of any other tier, two workloads behind the balancer.
  const { split, ...whole } = stack
  const rendering = split?.tier === 'gateway' ? whole : stack
  const topology = topologyOf(rendering, 'kubernetes')
  const rendered = render(rendering, 'kubernetes', await readTemplates())
  const folder = join(stack.folder, 'deploy')
  const comparison = await compareWithFolder(rendered, 'kubernetes', folder)
  const overrides = join(folder, 'helm', overridesName)
  const chart: ChartSource = {
    deployed: existsSync(folder) ? folder : null,
    files: new Map([...rendered].filter(([path]) => path.startsWith(chartPath))),
    overrides: existsSync(overrides) ? overrides : null,
    next: nextValues(stack, there.deployed, there.found),
  }
  const manifest = await withChart(chart, async (path, values) => {
    const args = ['template', release, path, ...values, ...helmAt(place)]
    const known = ['--kube-version', capabilities.version, '--api-versions', capabilities.apis.join(',')]
    try {
      return await programs.run('helm', [...args, ...known])
    } catch (error) {
      throw refusedByHelm(error, chart)
    }
  })
  const objects = objectsIn(manifest).filter(isKept)
  refuseUnknown(objects, capabilities)
  return {
    topology,
    rendered,
    comparison,
    objects,
    secrets: secretsOfStack(topology),
    chart,
  }
}

/** What runs once and is no part of the release: hooks of a user's own templates. */
function isKept({ metadata }: KubeObject): boolean {
  return metadata.annotations?.['helm.sh/hook'] === undefined
}

/** By the API's group: what makes a cluster know its kinds. */
const extensions: Readonly<Record<string, string>> = {
  'keda.sh':
    'helm install keda keda --repo https://kedacore.github.io/charts --namespace keda --create-namespace   installs KEDA; without it, leave autoscale out of ragscale.yaml or set autoscaling.provider in deploy/helm/values.override.yaml',
  'gateway.networking.k8s.io': 'https://gateway-api.sigs.k8s.io/guides says how the Gateway API is installed',
  'monitoring.coreos.com': 'https://prometheus-operator.dev says how the Prometheus operator is installed',
  'networking.istio.io': 'https://istio.io/latest/docs/setup says how Istio is installed',
}

/** @throws UserError (exit 3) naming the kinds that the cluster does not know, before Helm trips over the first */
function refuseUnknown(objects: readonly KubeObject[], { apis }: Capabilities): void {
  const unknown = objects.filter(({ apiVersion, kind }) => !apis.includes(`${apiVersion}/${kind}`))
  if (apis.length === 0 || unknown.length === 0) return
  const kinds = new Set(unknown.map(({ apiVersion, kind }) => `${kind} (${apiVersion})`))
  const groups = new Set(unknown.map(({ apiVersion }) => apiVersion.split('/')[0] ?? ''))
  const cures = [...groups].flatMap((group) => extensions[group] ?? [])
  throw new UserError(`the chart makes what this cluster does not know: ${[...kinds].join(', ')}`, {
    hint: cures.length === 0 ? 'kubectl api-resources   lists what it knows' : cures.join('\n'),
    exitCode: ExitCode.missing,
    code: 'unknown-kind',
  })
}

/**
 * The chart on the disk, with what a user has put into its folder, for as long as `use` takes; and Helm's arguments for
 * its values: a user's win over the chart's.
 */
export async function withChart<T>(
  chart: ChartSource,
  use: (path: string, values: readonly string[]) => Promise<T>,
): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), 'ragscale-chart-'))
  try {
    const path = join(folder, 'ragscale')
    const theirs = chart.deployed === null ? null : join(chart.deployed, chartPath)
    if (theirs !== null && existsSync(theirs)) await cp(theirs, path, { recursive: true })
    for (const [name, text] of chart.files) {
      const file = join(path, name.slice(chartPath.length))
      await mkdir(dirname(file), { recursive: true })
      await writeFile(file, text)
    }
    const values = chart.overrides === null ? [] : ['--values', chart.overrides]
    if (chart.next !== null) {
      const file = join(folder, 'next.json')
      await writeFile(file, JSON.stringify({ tiers: { gateway: { next: chart.next } } }))
      values.push('--values', file)
    }
    return await use(path, values)
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

/** The chart's own rules speak to whoever wrote the values. */
export function refusedByHelm(error: unknown, { overrides }: ChartSource): unknown {
  if (!(error instanceof ProgramFailed)) return error
  const said = error.said
    .replace(/^Error: /, '')
    .replaceAll(/\/\S*ragscale-chart-\w+\/ragscale/g, 'deploy/helm/ragscale')
  return new UserError(`Helm refuses the chart: ${said}`, {
    hint:
      overrides === null
        ? 'ragscale render --check --diff shows whether deploy/ is as it was written'
        : `Look at ${overrides}: what is said there wins.`,
    exitCode: ExitCode.usage,
    code: 'chart',
    cause: error,
  })
}
