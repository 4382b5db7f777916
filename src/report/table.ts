/** A table that fits its terminal: columns that matter least go first when it is narrow. */
import Table from 'cli-table3'
import stringWidth from 'string-width'
import { fit, plain } from './plain-text.ts'
import type { TerminalStyle } from './palette.ts'

export interface Column<Row> {
  readonly head: string
  readonly cell: (row: Row) => string
  /** Figures are aligned to the right. */
  readonly align?: 'left' | 'right'
  /** 0 always stays; of the others the highest goes first. */
  readonly priority?: number
  /** Colours a cell, after its width was taken. */
  readonly paint?: (text: string, row: Row) => string
}

const gap = 2

/** Lines, each at most `columns` wide, without borders; columns that are empty in every row are left out. */
export function table<Row>(
  columns: readonly Column<Row>[],
  rows: readonly Row[],
  { columns: room, palette }: TerminalStyle,
): string[] {
  const filled = columns.map((column) => ({ ...column, texts: rows.map((row) => plain(column.cell(row))) }))
  const told = filled.filter(
    (column) =>
      column.priority === undefined ||
      column.priority === 0 ||
      column.texts.some((text) => text !== '' && text !== '–'),
  )
  const shown = fitting(told, room)
  const widths = shrunk(shown.map(widthOf), room)
  const rendered = new Table({
    head: shown.map((column, index) =>
      column.head === '' ? '' : palette.dim(fit(column.head, widths[index] ?? 0)),
    ),
    chars: borderless,
    colAligns: shown.map((column) => column.align ?? 'left'),
    style: { 'padding-left': 0, 'padding-right': 0, head: [], border: [], compact: true },
  })
  rows.forEach((row, rowIndex) => {
    rendered.push(
      shown.map((column, index) => {
        const text = fit(column.texts[rowIndex] ?? '', widths[index] ?? 0)
        return column.paint === undefined ? text : column.paint(text, row)
      }),
    )
  })
  return rendered
    .toString()
    .split('\n')
    .map((line) => line.trimEnd())
}

/** Two spaces between columns, and no lines anywhere. */
const borderless = {
  top: '',
  'top-mid': '',
  'top-left': '',
  'top-right': '',
  bottom: '',
  'bottom-mid': '',
  'bottom-left': '',
  'bottom-right': '',
  left: '',
  'left-mid': '',
  mid: '',
  'mid-mid': '',
  right: '',
  'right-mid': '',
  middle: ' '.repeat(gap),
} as const

interface Filled {
  readonly head: string
  readonly texts: readonly string[]
  readonly priority?: number
}

function fitting<C extends Filled>(columns: readonly C[], room: number): C[] {
  let kept = [...columns]
  while (total(kept.map(widthOf)) > room) {
    const worst = Math.max(...kept.map((column) => column.priority ?? 0))
    if (worst <= 0) break
    const index = kept.findLastIndex((column) => (column.priority ?? 0) === worst)
    kept = kept.filter((_, at) => at !== index)
  }
  return kept
}

/** Where even the columns that always stay are too wide, the widest is cut first. */
function shrunk(widths: readonly number[], room: number): number[] {
  const result = [...widths]
  while (total(result) > room && Math.max(...result) > 1) {
    const widest = result.indexOf(Math.max(...result))
    result[widest] = (result[widest] ?? 1) - 1
  }
  return result
}

function widthOf({ head, texts }: Filled): number {
  return Math.max(stringWidth(head), ...texts.map((text) => stringWidth(text)))
}

function total(widths: readonly number[]): number {
  return widths.reduce((sum, width) => sum + width, 0) + gap * Math.max(0, widths.length - 1)
}
