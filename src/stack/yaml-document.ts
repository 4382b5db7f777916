/** `ragscale.yaml` as YAML: where a key stands, and what was written that YAML itself refuses. JSON is YAML. */
import {
  Document,
  type Node,
  LineCounter,
  type Pair,
  isAlias,
  isMap,
  isNode,
  isScalar,
  isSeq,
  type YAMLParseError,
  parseDocument,
} from 'yaml'
import { messageOf } from '../errors.ts'
import type { Path, Problem } from './problems.ts'

export interface YamlFile {
  readonly document: Document
  readonly lines: LineCounter
  /** Syntax errors; when there are none, `value` holds what was written. */
  readonly problems: readonly Problem[]
  readonly value: unknown
}

const longest = 1024 * 1024
/** Of maps within maps; the schema needs five. */
const deepest = 32
/** One slip in the syntax can lead to a page of errors that follow from it. */
const mostErrors = 5

export function parseYaml(text: string): YamlFile {
  const lines = new LineCounter()
  const refused = (message: string): YamlFile => ({
    document: new Document(),
    lines,
    problems: [{ severity: 'error', key: '', message, line: 1, column: 1 }],
    value: null,
  })
  if (text.length > longest) return refused('the file is larger than 1 MiB')
  try {
    // Without prettyErrors a message is one sentence, and its place is ours to print.
    const document = parseDocument(text, { lineCounter: lines, prettyErrors: false, merge: true })
    const problems = document.errors.slice(0, mostErrors).map((error) => problemOf(error, lines))
    if (problems.length > 0) return { document, lines, problems, value: null }
    const value: unknown = document.toJS({ maxAliasCount: 100 })
    return isTooDeep(value, deepest)
      ? refused('it is nested too deeply, or within itself')
      : { document, lines, problems, value }
  } catch (error) {
    // Aliases that multiply, or brackets by the thousand: the library gives up.
    return refused(`it cannot be read: ${lowerFirst(messageOf(error))}`)
  }
}

function problemOf(error: YAMLParseError, lines: LineCounter): Problem {
  const { line, col } = lines.linePos(error.pos[0])
  const message = lowerFirst(error.message)
  return { severity: 'error', key: '', message, line: Math.max(1, line), column: Math.max(1, col) }
}

function isTooDeep(value: unknown, levels: number): boolean {
  if (typeof value !== 'object' || value === null) return false
  return levels === 0 || Object.values(value).some((inner) => isTooDeep(inner, levels - 1))
}

/**
 * Where a key or its value stands. A key that is not there is placed at the nearest one above it that is;
 * a value that is a map is placed at its key.
 */
export function locate(file: YamlFile, path: Path, atKey = false): { line: number; column: number } {
  let node: unknown = file.document.contents
  let offset = startOf(node) ?? 0
  for (const [index, segment] of path.entries()) {
    const pair = findPair(file.document, node, segment)
    if (pair === undefined) {
      const item = itemOf(file.document, node, segment)
      if (item === undefined) break
      offset = startOf(item) ?? offset
      node = item
      continue
    }
    offset = startOf(pair.key) ?? offset
    node = pair.value
    const last = index === path.length - 1
    if (last && !atKey && (isScalar(node) || isAlias(node))) offset = startOf(node) ?? offset
  }
  const { line, col } = file.lines.linePos(offset)
  return { line: Math.max(1, line), column: Math.max(1, col) }
}

/** The pair of a map that has this key, also through an alias or a merge (`<<`). */
function findPair(document: Document, node: unknown, key: string): Pair | undefined {
  const map = isAlias(node) ? node.resolve(document) : node
  if (!isMap(map)) return undefined
  const own = map.items.find((pair) => keyOf(pair) === key)
  if (own !== undefined) return own
  for (const pair of map.items) {
    if (keyOf(pair) !== '<<') continue
    const sources = isSeq(pair.value) ? pair.value.items : [pair.value]
    for (const source of sources) {
      const found = findPair(document, source, key)
      if (found !== undefined) return found
    }
  }
  return undefined
}

export function keyOf(pair: Pair): string {
  return isScalar(pair.key) ? String(pair.key.value) : String(pair.key)
}

function itemOf(document: Document, node: unknown, segment: string): Node | undefined {
  const list = isAlias(node) ? node.resolve(document) : node
  const item = isSeq(list) ? list.items[Number(segment)] : undefined
  return isNode(item) ? item : undefined
}

function startOf(node: unknown): number | undefined {
  return isNode(node) ? node.range?.[0] : undefined
}

function lowerFirst(text: string): string {
  return text.charAt(0).toLowerCase() + text.slice(1)
}
