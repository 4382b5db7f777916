/** `ragscale.yaml` as YAML: where a key stands, and what was written that YAML itself refuses. JSON is YAML. */
import {
  type Document,
  type Node,
  LineCounter,
  type Pair,
  isAlias,
  isMap,
  isNode,
  isScalar,
  isSeq,
  parseDocument,
} from 'yaml'
import type { Path, Problem } from './problems.ts'

export interface YamlFile {
  readonly document: Document
  readonly lines: LineCounter
  /** Syntax errors; when there are none, `value` holds what was written. */
  readonly problems: readonly Problem[]
  readonly value: unknown
}

const longest = 1024 * 1024

export function parseYaml(text: string): YamlFile {
  const lines = new LineCounter()
  if (text.length > longest) {
    const document = parseDocument('')
    return { document, lines, value: null, problems: [whole('the file is larger than 1 MiB')] }
  }
  // Without prettyErrors a message is one sentence, and its place is ours to print.
  const document = parseDocument(text, {
    lineCounter: lines,
    prettyErrors: false,
    merge: true,
    uniqueKeys: true,
  })
  const problems: Problem[] = document.errors.map((error) => {
    const { line, col } = lines.linePos(error.pos[0])
    return {
      severity: 'error',
      key: '',
      message: lowerFirst(error.message),
      line: Math.max(1, line),
      column: Math.max(1, col),
    }
  })
  if (problems.length > 0) return { document, lines, problems, value: null }
  try {
    return { document, lines, problems, value: document.toJS({ maxAliasCount: 100 }) }
  } catch (error) {
    return {
      document,
      lines,
      value: null,
      problems: [whole(error instanceof Error ? error.message : String(error))],
    }
  }
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
export function findPair(document: Document, node: unknown, key: string): Pair | undefined {
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

function whole(message: string): Problem {
  return { severity: 'error', key: '', message, line: 1, column: 1 }
}

function lowerFirst(text: string): string {
  return text.charAt(0).toLowerCase() + text.slice(1)
}
