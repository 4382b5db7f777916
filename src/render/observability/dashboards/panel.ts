/** Panels of a Grafana dashboard as data, and how they are laid out on its 24 columns. */

export interface Query {
  readonly expr: string
  /** A Grafana legend format: `{{stage}}`. */
  readonly legend: string
}

export interface Threshold {
  /** The value from which the colour holds. */
  readonly from: number
  readonly color: 'green' | 'orange' | 'red'
}

export interface PanelSpec {
  readonly kind: 'stat' | 'lines' | 'heatmap' | 'bars' | 'states'
  readonly title: string
  /** What it shows and how to read it. */
  readonly description: string
  readonly queries: readonly Query[]
  /** A Grafana unit: `s`, `reqps`, `percentunit`, `bytes`, `short`, `currencyUSD`. */
  readonly unit: string
  /** Columns of 24. */
  readonly width: number
  /** Below the first threshold is green. Lines are drawn where they change. */
  readonly thresholds?: readonly Threshold[]
  /** Lines that add up. */
  readonly stacked?: boolean
  readonly decimals?: number
  readonly min?: number
  readonly max?: number
}

export interface RowSpec {
  readonly title: string
  readonly panels: readonly PanelSpec[]
  /** Closed until somebody opens it. */
  readonly collapsed?: boolean
}

export const columns = 24

/** In units of Grafana's grid (30 px). */
export function heightOf({ kind }: PanelSpec): number {
  return kind === 'stat' ? 4 : 8
}

export interface Placed {
  readonly spec: PanelSpec
  readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number }
}

/** From left to right, a new line where the next one has no room; `top` is the first line's. */
export function flow(
  specs: readonly PanelSpec[],
  top: number,
): { placed: readonly Placed[]; bottom: number } {
  const placed: Placed[] = []
  let [x, y, lineHeight] = [0, top, 0]
  for (const spec of specs) {
    const [w, h] = [spec.width, heightOf(spec)]
    if (x + w > columns) [x, y, lineHeight] = [0, y + lineHeight, 0]
    placed.push({ spec, gridPos: { x, y, w, h } })
    x += w
    lineHeight = Math.max(lineHeight, h)
  }
  return { placed, bottom: y + lineHeight }
}

/** As wide as fills a line, all alike. */
export function inOneLine(specs: readonly PanelSpec[]): readonly PanelSpec[] {
  const width = Math.floor(columns / specs.length)
  return specs.map((spec) => ({ ...spec, width }))
}
