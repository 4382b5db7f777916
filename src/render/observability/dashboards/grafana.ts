/** A dashboard as the JSON that Grafana provisions. */
import { type PanelSpec, type Placed, type RowSpec, flow } from './panel.ts'

/** Of Grafana 12 and 13; older ones take it, newer ones migrate it. */
const schemaVersion = 42

/** Chosen by the dashboard's first variable: no uid of a data source is written down. */
const datasource = { type: 'prometheus', uid: '${datasource}' }

export interface Variable {
  readonly name: string
  readonly label: string
  /** `label_values(metric{…}, label)`. */
  readonly query: string
  readonly multiple: boolean
}

export interface DashboardSpec {
  /** Never changes, so that links to it hold. */
  readonly uid: string
  readonly title: string
  readonly description: string
  readonly variables: readonly Variable[]
  readonly rows: readonly RowSpec[]
  /** Drawn as marks on every panel. */
  readonly alerts: string
}

export function dashboardText(spec: DashboardSpec): string {
  const dashboard = {
    uid: spec.uid,
    title: spec.title,
    description: spec.description,
    tags: ['ragscale'],
    schemaVersion,
    version: 1,
    editable: true,
    graphTooltip: 1,
    refresh: '30s',
    time: { from: 'now-1h', to: 'now' },
    timezone: '',
    links: [
      {
        type: 'dashboards',
        title: 'ragscale',
        tags: ['ragscale'],
        asDropdown: true,
        keepTime: true,
        includeVars: true,
      },
    ],
    annotations: { list: [alertMarks(spec.alerts)] },
    templating: { list: [datasourceVariable, ...spec.variables.map(variable)] },
    panels: panelsOf(spec.rows),
  }
  return `${JSON.stringify(dashboard, null, 2)}\n`
}

function alertMarks(expr: string): Record<string, unknown> {
  return {
    name: 'Alerts',
    datasource,
    enable: true,
    iconColor: 'red',
    expr,
    step: '60s',
    titleFormat: '{{alertname}}',
    textFormat: '{{stage}}{{tier}} {{slo}}',
  }
}

const datasourceVariable = {
  name: 'datasource',
  label: 'Prometheus',
  type: 'datasource',
  query: 'prometheus',
  current: {},
  options: [],
  refresh: 1,
  hide: 0,
}

function variable({ name, label, query, multiple }: Variable): Record<string, unknown> {
  return {
    name,
    label,
    type: 'query',
    datasource,
    query: { query, refId: name },
    definition: query,
    // When the range of time changes: replicas come and go.
    refresh: 2,
    sort: 1,
    multi: multiple,
    includeAll: multiple,
    ...(multiple ? { allValue: '.*', current: { text: ['All'], value: ['$__all'] } } : { current: {} }),
    options: [],
    hide: 0,
  }
}

/** Ids by position: the same dashboard has the same ids. A collapsed row holds its panels itself. */
function panelsOf(rows: readonly RowSpec[]): unknown[] {
  let [id, y] = [0, 0]
  return rows.flatMap(({ title, panels, collapsed = false }) => {
    const row = { id: ++id, type: 'row', title, collapsed, gridPos: { x: 0, y, w: 24, h: 1 } }
    const { placed, bottom } = flow(panels, y + 1)
    const inside = placed.map((one) => panel(++id, one))
    y = collapsed ? y + 1 : bottom
    return collapsed ? [{ ...row, panels: inside }] : [{ ...row, panels: [] }, ...inside]
  })
}

function panel(id: number, { spec, gridPos }: Placed): Record<string, unknown> {
  return {
    id,
    type: types[spec.kind],
    title: spec.title,
    description: spec.description,
    datasource,
    gridPos,
    targets: spec.queries.map(({ expr, legend }, index) => ({
      refId: String.fromCodePoint(65 + index),
      datasource,
      expr,
      legendFormat: legend,
      range: spec.kind !== 'bars',
      instant: spec.kind === 'bars',
      format: spec.kind === 'heatmap' ? 'heatmap' : 'time_series',
    })),
    fieldConfig: { defaults: fieldDefaults(spec), overrides: [] },
    options: optionsOf(spec),
  }
}

const types = {
  stat: 'stat',
  lines: 'timeseries',
  heatmap: 'heatmap',
  bars: 'bargauge',
  states: 'state-timeline',
} as const

function fieldDefaults(spec: PanelSpec): Record<string, unknown> {
  const { unit, decimals, min, max, thresholds = [], stacked = false } = spec
  const steps = [
    { color: 'green', value: null },
    ...thresholds.map(({ from, color }) => ({ color, value: from })),
  ]
  return {
    unit,
    ...(decimals === undefined ? {} : { decimals }),
    ...(min === undefined ? {} : { min }),
    ...(max === undefined ? {} : { max }),
    color: { mode: spec.kind === 'lines' ? 'palette-classic' : 'thresholds' },
    thresholds: { mode: 'absolute', steps },
    ...(spec.kind === 'lines'
      ? {
          custom: {
            drawStyle: 'line',
            lineWidth: stacked ? 1 : 2,
            fillOpacity: stacked ? 50 : 8,
            showPoints: 'never',
            spanNulls: 120_000,
            stacking: { mode: stacked ? 'normal' : 'none', group: 'A' },
            thresholdsStyle: { mode: thresholds.length === 0 ? 'off' : 'line' },
          },
        }
      : {}),
  }
}

function optionsOf({ kind, unit }: PanelSpec): Record<string, unknown> {
  switch (kind) {
    case 'stat':
      return {
        colorMode: 'value',
        graphMode: 'area',
        textMode: 'auto',
        reduceOptions: { calcs: ['lastNotNull'], fields: '', values: false },
      }
    case 'lines':
      return {
        legend: {
          displayMode: 'table',
          placement: 'bottom',
          calcs: ['mean', 'max', 'lastNotNull'],
          showLegend: true,
        },
        tooltip: { mode: 'multi', sort: 'desc' },
      }
    case 'bars':
      return {
        displayMode: 'gradient',
        orientation: 'horizontal',
        reduceOptions: { calcs: ['lastNotNull'], fields: '', values: false },
      }
    case 'heatmap':
      return {
        calculate: false,
        cellGap: 1,
        color: { mode: 'scheme', scheme: 'Spectral', steps: 64, reverse: true, exponent: 0.5 },
        yAxis: { unit, axisPlacement: 'left' },
        tooltip: { mode: 'single', yHistogram: true },
        legend: { show: true },
      }
    case 'states':
      return { mergeValues: true, showValue: 'never', rowHeight: 0.9, legend: { showLegend: false } }
  }
}
