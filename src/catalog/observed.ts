/**
 * What is watched of a component: alerts and dashboard panels, as data. `render/observability` makes Prometheus
 * rules and Grafana dashboards of them; tests hold every query to the metrics that the component's folder lists.
 */
import type { SignalSources } from './signals.ts'

export interface Observed {
  /** Every metric name that it exports and a query may use, with its type. */
  readonly exports: Readonly<Record<string, 'counter' | 'gauge' | 'histogram' | 'summary'>>
  /**
   * Upper bounds of the buckets, rising and without the infinite one, of histograms of seconds that an SLO may be
   * held to. Without them nothing tells what share of requests kept within a limit.
   */
  readonly buckets?: Readonly<Record<string, readonly number[]>>
  /** What a load test's record keeps of it, and where it is found. */
  readonly signals?: SignalSources
  readonly alerts: readonly Alert[]
  readonly panels: readonly Panel[]
}

export interface Alert {
  /** CamelCase, as Prometheus has it. */
  readonly name: string
  /** PromQL; `$job` stands for the tier's job name. */
  readonly expr: string
  /** A Prometheus duration: `5m`. */
  readonly for: string
  readonly severity: 'warning' | 'critical'
  readonly summary: string
  /** What it means and what to do next. */
  readonly description: string
}

export interface Panel {
  readonly title: string
  /** One line each; `legend` is a Grafana legend format. */
  readonly queries: readonly { readonly expr: string; readonly legend: string }[]
  /** A Grafana unit: `s`, `ms`, `reqps`, `percentunit`, `bytes`, `short`, `currencyUSD`. */
  readonly unit: string
  readonly description: string
}
