/** Values as the text that a person would write in a YAML file, on one line. */
import { parse } from 'yaml'

export interface Style {
  /** A JSON file stays one: keys and text are quoted. */
  readonly json: boolean
  readonly newline: '\n' | '\r\n'
}

export function styleOf(text: string): Style {
  return { json: /^\s*\{\s*"/.test(text), newline: text.includes('\r\n') ? '\r\n' : '\n' }
}

/** `{ ttl: 1h }`, `[1, 2]`, `3`, `1h`, `"yes"`. */
export function flowText(value: unknown, style: Style): string {
  if (Array.isArray(value)) return `[${value.map((item) => flowText(item, style)).join(', ')}]`
  if (typeof value === 'object' && value !== null) {
    const pairs = Object.entries(value).map(([key, inner]) => pairText(key, inner, style))
    return pairs.length === 0 ? '{}' : `{ ${pairs.join(', ')} }`
  }
  return typeof value === 'string' ? scalarText(value, style) : String(value)
}

/** `key: value`. */
export function pairText(key: string, value: unknown, style: Style): string {
  return `${scalarText(key, style)}: ${flowText(value, style)}`
}

/** Without quotes where YAML reads it back as the same text, wherever it stands. */
function scalarText(text: string, style: Style): string {
  return style.json || !isPlain(text) ? JSON.stringify(text) : text
}

function isPlain(text: string): boolean {
  // What is left out here is quoted without need at worst.
  if (!/^[\w./$%+~-][\w./$%+~@:=() -]*$/.test(text)) return false
  try {
    return (
      parse(`a: ${text}\n`).a === text &&
      parse(`[${text}]`)[0] === text &&
      parse(`{ ${text}: 1 }`)[text] === 1
    )
  } catch {
    return false
  }
}
