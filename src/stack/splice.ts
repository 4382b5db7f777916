/** One key of a YAML text set by changing only its own characters. */
import { type Pair, type YAMLMap, isMap, isNode } from 'yaml'
import { getIn } from './paths.ts'
import type { Path } from './problems.ts'
import { keyOf, parseYaml } from './yaml-document.ts'
import { type Style, flowText, pairText, styleOf } from './yaml-text.ts'

/**
 * The text with what `wanted`, the whole document's value, has at `keys`. Undefined where it cannot be done by
 * splicing; the caller checks what it gets, since a splice is blind to YAML's finer rules.
 */
export function splice(text: string, keys: Path, wanted: unknown): string | undefined {
  const style = styleOf(text)
  const { contents } = parseYaml(text).document
  if (!isMap(contents)) {
    // A file of comments only.
    const newline = text === '' || text.endsWith('\n') ? '' : style.newline
    const [key = ''] = keys
    return contents === null
      ? `${text}${newline}${pairText(key, getIn(wanted, [key]), style)}${style.newline}`
      : undefined
  }
  let map: YAMLMap = contents
  for (const [depth, key] of keys.entries()) {
    const path = keys.slice(0, depth + 1)
    const value = getIn(wanted, path)
    const pair = map.items.find((item) => keyOf(item) === key)
    if (pair === undefined)
      return value === undefined ? text : inserted(text, map, pairText(key, value, style), style)
    if (depth < keys.length - 1 && isMap(pair.value)) {
      map = pair.value
      continue
    }
    return value === undefined ? removed(text, map, pair) : replaced(text, pair, flowText(value, style))
  }
  return undefined
}

function replaced(text: string, pair: Pair, value: string): string | undefined {
  const range = isNode(pair.value) ? pair.value.range : undefined
  if (range === undefined || range === null) return undefined
  const [start, end] = range
  if (isMap(pair.value) && pair.value.flow !== true) return undefined
  // `key:` with nothing after it has its value right behind the colon.
  const gap = start === end && text[start - 1] === ':' ? ' ' : ''
  return text.slice(0, start) + gap + value + text.slice(end)
}

function inserted(text: string, map: YAMLMap, pair: string, style: Style): string | undefined {
  const last = map.items.at(-1)
  const range = map.range
  if (range === undefined || range === null) return undefined
  if (last === undefined) return `${text.slice(0, range[0])}{ ${pair} }${text.slice(range[1])}`
  const start = startOf(last)
  const end = endOf(text, last)
  if (start === undefined || end === undefined) return undefined
  const lineStart = text.lastIndexOf('\n', start - 1) + 1
  const indent = text.slice(lineStart, start)
  const ownLine = indent.trim() === ''
  if (map.flow === true) {
    const separator = ownLine && lineStart > range[0] ? `,${style.newline}${indent}` : ', '
    return text.slice(0, end) + separator + pair + text.slice(end)
  }
  const column = startOf(map.items[0])
  if (column === undefined) return undefined
  const spaces = ' '.repeat(column - (text.lastIndexOf('\n', column - 1) + 1))
  const lineEnd = endOfLine(text, end)
  return `${text.slice(0, lineEnd)}${style.newline}${spaces}${pair}${text.slice(lineEnd)}`
}

function removed(text: string, map: YAMLMap, pair: Pair): string | undefined {
  const index = map.items.indexOf(pair)
  const start = startOf(pair)
  const end = endOf(text, pair)
  if (start === undefined || end === undefined || map.items.length === 1) return undefined
  if (map.flow === true) {
    const before = map.items[index - 1]
    const after = map.items[index + 1]
    const from = before === undefined ? start : endOf(text, before)
    const to = before === undefined ? startOf(after) : end
    return from === undefined || to === undefined ? undefined : text.slice(0, from) + text.slice(to)
  }
  const lineStart = text.lastIndexOf('\n', start - 1) + 1
  if (text.slice(lineStart, start).trim() !== '') return undefined
  return (
    text.slice(0, lineStart) +
    text.slice(Math.min(text.length, endOfLine(text, end) + lengthOfNewline(text, end)))
  )
}

function startOf(pair: Pair | undefined): number | undefined {
  return isNode(pair?.key) ? pair.key.range?.[0] : undefined
}

/** Behind the last character of a pair's value, or of its key when it has none. */
function endOf(text: string, pair: Pair): number | undefined {
  const value = isNode(pair.value) ? pair.value.range?.[1] : undefined
  const key = isNode(pair.key) ? pair.key.range?.[1] : undefined
  let end = value ?? key
  while (end !== undefined && /\s/.test(text[end - 1] ?? '')) end--
  return end
}

/** Before the line break, a comment behind the value included. */
function endOfLine(text: string, from: number): number {
  const newline = text.indexOf('\n', from)
  if (newline === -1) return text.length
  return text[newline - 1] === '\r' ? newline - 1 : newline
}

function lengthOfNewline(text: string, from: number): number {
  return text.startsWith('\r\n', endOfLine(text, from)) ? 2 : 1
}
