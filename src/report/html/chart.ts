/** One plot as a figure: axes, grid, legend and read-outs around what a plot draws itself. */
import { escapeMarkup } from '../escape.ts'
import type { Scale } from './scale.ts'

/** Where a plot's data goes, in the drawing's units; the origin is at the top left. */
export interface Area {
  readonly width: number
  readonly height: number
  readonly left: number
  readonly right: number
  readonly top: number
  readonly bottom: number
}

export const halfWidth = 480
export const fullWidth = 1000

export function areaOf(width: number, height = 270): Area {
  return { width, height, left: 62, right: width - 14, top: 20, bottom: height - 40 }
}

export interface Axis {
  readonly scale: Scale
  readonly title: string
  readonly label: (value: number) => string
}

export interface LegendEntry {
  readonly label: string
  /** A colour of the page's style, `var(--p50)`. */
  readonly color: string
  readonly kind?: 'line' | 'dashed' | 'area' | 'hollow' | 'triangle'
}

/** A place on the plot with what is to be read there. */
export interface ReadOut {
  readonly x: number
  /** Half of how wide around `x` it is read. */
  readonly reach: number
  readonly title: string
  readonly lines: readonly string[]
}

export interface Plot {
  readonly title: string
  /** What it shows, as a sentence, for whoever cannot see it. */
  readonly description: string
  readonly area: Area
  readonly x: Axis
  readonly y: Axis
  readonly legend: readonly LegendEntry[]
  /** SVG elements. */
  readonly body: string
  readonly readOuts?: readonly ReadOut[]
}

export function figureOf(plot: Plot, className = ''): string {
  const { area } = plot
  return `<figure class="${`plot ${className}`.trim()}">
<figcaption><h4>${escapeMarkup(plot.title)}</h4>${legendOf(plot.legend)}</figcaption>
<svg viewBox="0 0 ${area.width} ${area.height}" role="img" aria-label="${escapeMarkup(plot.description)}">
${xAxis(plot)}
${yAxis(plot)}
${plot.body}
${(plot.readOuts ?? []).map((one) => readOut(one, area)).join('\n')}
</svg>
</figure>`
}

/** In place of a plot that would be empty. */
export function emptyFigure(title: string, sentence: string): string {
  return `<figure class="plot empty"><figcaption><h4>${escapeMarkup(title)}</h4></figcaption><p>${escapeMarkup(sentence)}</p></figure>`
}

function legendOf(entries: readonly LegendEntry[]): string {
  if (entries.length === 0) return ''
  const items = entries.map(
    ({ label, color, kind }) =>
      `<li><svg class="key" viewBox="0 0 18 10" aria-hidden="true">${keyOf(kind ?? 'line', color)}</svg>${escapeMarkup(label)}</li>`,
  )
  return `<ul class="legend">${items.join('')}</ul>`
}

function keyOf(kind: NonNullable<LegendEntry['kind']>, color: string): string {
  switch (kind) {
    case 'line':
      return `<path d="M0 5H18" class="line" style="stroke:${color}"/>`
    case 'dashed':
      return `<path d="M0 5H18" class="line dashed" style="stroke:${color}"/>`
    case 'area':
      return `<rect y="1" width="18" height="8" style="fill:${color}"/>`
    case 'hollow':
      return `<circle cx="9" cy="5" r="3.5" class="hollow" style="stroke:${color}"/>`
    case 'triangle':
      return `<path d="${trianglePath(9, 5.5)}" style="fill:${color}"/>`
  }
}

export function trianglePath(x: number, y: number): string {
  return `M${round(x)} ${round(y - 5)}l4.5 8h-9z`
}

function xAxis({ area, x }: Plot): string {
  const ticks = x.scale.ticks.map((tick) => {
    const at = x.scale.at(tick)
    const anchor = at > area.right - 12 ? 'end' : 'middle'
    return `<path class="tick" d="M${at} ${area.bottom}v4"/><text x="${at}" y="${area.bottom + 17}" text-anchor="${anchor}">${escapeMarkup(x.label(tick))}</text>`
  })
  return `<path class="axis" d="M${area.left} ${area.bottom}H${area.right}"/>${ticks.join('')}<text class="title" x="${area.right}" y="${area.bottom + 34}" text-anchor="end">${escapeMarkup(x.title)}</text>`
}

function yAxis({ area, y }: Plot): string {
  const ticks = y.scale.ticks.map((tick) => {
    const at = y.scale.at(tick)
    return `<path class="grid" d="M${area.left} ${at}H${area.right}"/><text x="${area.left - 7}" y="${at + 4}" text-anchor="end">${escapeMarkup(y.label(tick))}</text>`
  })
  return `${ticks.join('')}<text class="title" x="${area.left - 7}" y="${area.top - 9}" text-anchor="start" dx="-48">${escapeMarkup(y.title)}</text>`
}

/** Read without a script as the browser's own tooltip. */
function readOut({ x, reach, title, lines }: ReadOut, area: Area): string {
  const left = Math.max(area.left, x - reach)
  const width = Math.max(1, Math.min(area.right, x + reach) - left)
  const text = [title, ...lines].map(escapeMarkup).join('\n')
  return `<g class="read" data-x="${round(x)}"><rect x="${round(left)}" y="${area.top}" width="${round(width)}" height="${area.bottom - area.top}"/><title>${text}</title></g>`
}

/** A line through points in the drawing's units. */
export function polyline(
  points: readonly (readonly [number, number])[],
  color: string,
  className = 'line',
): string {
  if (points.length === 0) return ''
  if (points.length === 1) {
    const [[x, y] = [0, 0]] = points
    return `<circle cx="${round(x)}" cy="${round(y)}" r="2.5" style="fill:${color}"/>`
  }
  const path = points.map(([x, y], index) => `${index === 0 ? 'M' : 'L'}${round(x)} ${round(y)}`).join('')
  return `<path d="${path}" class="${className}" style="stroke:${color}"/>`
}

export interface Limit {
  readonly y: number
  readonly label: string
}

/** Limits across the plot, each named at its left end, where a sweep's low rates leave room. */
export function limitLines(area: Area, limits: readonly Limit[]): string {
  let above = -Infinity
  return limits
    .toSorted((a, b) => a.y - b.y)
    .map(({ y, label }) => {
      // Below its line where the label above it would be written over.
      const labelY = y - 5 < Math.max(above, area.top) + 11 ? y + 13 : y - 5
      above = Math.max(y, labelY)
      return `<path class="limit" d="M${area.left} ${round(y)}H${area.right}"/><text class="limit-label" x="${area.left + 5}" y="${round(labelY)}">${escapeMarkup(label)}</text>`
    })
    .join('')
}

export function round(value: number): number {
  return Math.round(value * 100) / 100
}
