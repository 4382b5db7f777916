/** Pieces of the page that are not plots: tables, tiles, lists. */
import { escapeMarkup } from '../escape.ts'

export interface HtmlColumn<Row> {
  readonly head: string
  readonly cell: (row: Row) => string
  readonly kind?: 'number'
  /** A class for the cell, `ok` or `broken`. */
  readonly className?: (row: Row) => string
}

/** Columns that are empty in every row are left out; a narrow screen scrolls it sideways. */
export function htmlTable<Row>(
  caption: string,
  columns: readonly HtmlColumn<Row>[],
  rows: readonly Row[],
): string {
  if (rows.length === 0) return ''
  const shown = columns.filter((column) => rows.some((row) => !['', '–'].includes(column.cell(row))))
  const head = shown.map(
    (column) => `<th scope="col"${classOf(column.kind)}>${escapeMarkup(column.head)}</th>`,
  )
  const body = rows.map(
    (row) =>
      `<tr>${shown.map((column) => `<td${classOf(column.kind, column.className?.(row))}>${escapeMarkup(column.cell(row))}</td>`).join('')}</tr>`,
  )
  return `<p class="caption">${escapeMarkup(caption)}</p>
<div class="scroll" tabindex="0"><table aria-label="${escapeMarkup(caption)}"><thead><tr>${head.join('')}</tr></thead><tbody>
${body.join('\n')}
</tbody></table></div>`
}

function classOf(...names: (string | undefined)[]): string {
  const given = names.filter((name) => name !== undefined && name !== '')
  return given.length === 0 ? '' : ` class="${given.join(' ')}"`
}

export function tiles(list: readonly { readonly value: string; readonly label: string }[]): string {
  const items = list.map(
    ({ value, label }) => `<li><b>${escapeMarkup(value)}</b><span>${escapeMarkup(label)}</span></li>`,
  )
  return items.length === 0 ? '' : `<ul class="tiles">${items.join('')}</ul>`
}

export function definitions(list: readonly (readonly [string, string])[]): string {
  return `<dl>${list.map(([term, text]) => `<dt>${escapeMarkup(term)}</dt><dd>${escapeMarkup(text)}</dd>`).join('')}</dl>`
}
