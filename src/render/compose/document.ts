/**
 * YAML as data: plain values, with what only YAML has (comments, anchors, aliases, blank lines) said beside them.
 * Compose and Swarm files are made of it, and so is any other YAML that a reader should understand.
 */
import { Alias, Document, type Node, Pair, Scalar, YAMLMap, YAMLSeq } from 'yaml'

/** Keys whose value is undefined are left out. */
export type Tree = Plain | Said | Anchored | Aliased | readonly Tree[] | TreeMap
type Plain = string | number | boolean | null
export interface TreeMap {
  readonly [key: string]: Tree | undefined
}

/** A value with the reason for it, which becomes a comment above its key or list item. */
export function said(because: string, value: Tree): Tree {
  return new Said(because, value, false)
}

/** The same, set off by a blank line: for the services of a file. */
export function section(because: string, value: Tree): Tree {
  return new Said(because, value, true)
}

/** `&name`: what `aliased(name)` stands for later in the document. */
export function anchored(name: string, value: TreeMap): Tree {
  return new Anchored(name, value)
}

/** `*name`, also as the value of a key `<<`, which merges the map that it names. */
export function aliased(name: string): Tree {
  return new Aliased(name)
}

/** The text of a YAML document, ending in a newline. Long lines are not folded, comments are wrapped. */
export function yamlText(tree: TreeMap): string {
  const document = new Document(mapOf(tree, 0), { version: '1.2', aliasDuplicateObjects: false })
  return document.toString({ lineWidth: 0, singleQuote: true, flowCollectionPadding: false })
}

class Said {
  readonly because: string
  readonly value: Tree
  readonly apart: boolean
  constructor(because: string, value: Tree, apart: boolean) {
    this.because = because
    this.value = value
    this.apart = apart
  }
}

class Anchored {
  readonly anchor: string
  readonly value: TreeMap
  constructor(anchor: string, value: TreeMap) {
    this.anchor = anchor
    this.value = value
  }
}

class Aliased {
  readonly name: string
  constructor(name: string) {
    this.name = name
  }
}

function mapOf(tree: TreeMap, depth: number): YAMLMap {
  const map = new YAMLMap()
  for (const [name, value] of Object.entries(tree)) {
    if (value === undefined) continue
    const key = new Scalar(name)
    const inner = value instanceof Said ? value.value : value
    if (value instanceof Said) {
      if (value.because !== '') key.commentBefore = commentOf(value.because, depth)
      // The first of a map follows its parent at once; at the top the header comes before it.
      key.spaceBefore = value.apart && (depth === 0 || map.items.length > 0)
    }
    map.items.push(new Pair(key, nodeOf(inner, depth + 1)))
  }
  return map
}

function listOf(items: readonly Tree[], depth: number): YAMLSeq {
  const list = new YAMLSeq()
  for (const item of items) {
    const node = nodeOf(item instanceof Said ? item.value : item, depth + 1)
    if (item instanceof Said) node.commentBefore = commentOf(item.because, depth)
    list.items.push(node)
  }
  // A list of short words reads best on one line.
  list.flow = items.every((item) => item instanceof Aliased || isShort(item)) && widthOf(items) < 72
  return list
}

function widthOf(items: readonly Tree[]): number {
  return items.reduce<number>((sum, item) => sum + 2 + (isShort(item) ? String(item).length : 8), 0)
}

function isShort(item: Tree): item is string | number {
  return typeof item === 'number' || (typeof item === 'string' && item.length < 32 && !item.includes('\n'))
}

function nodeOf(tree: Tree, depth: number): Node {
  if (tree instanceof Said) return nodeOf(tree.value, depth)
  if (tree instanceof Aliased) return new Alias(tree.name)
  if (tree instanceof Anchored) {
    const map = mapOf(tree.value, depth)
    map.anchor = tree.anchor
    return map
  }
  if (isList(tree)) return listOf(tree, depth)
  if (typeof tree === 'object' && tree !== null) return mapOf(tree, depth)
  return scalarOf(tree)
}

function isList(tree: Tree): tree is readonly Tree[] {
  return Array.isArray(tree)
}

/** Words that YAML 1.1 takes for something else, as readers in the field still do. */
const ambiguous = /^(y|n|yes|no|on|off|true|false|null|~|[-+]?[0-9][0-9_:.]*|0o?[0-7]+)$/i

function scalarOf(value: Plain): Scalar {
  const scalar = new Scalar(value)
  if (typeof value === 'string' && ambiguous.test(value)) scalar.type = Scalar.QUOTE_SINGLE
  if (typeof value === 'string' && value.includes('\n')) scalar.type = Scalar.BLOCK_LITERAL
  return scalar
}

/** Columns of a comment, its indentation included. */
const commentWidth = 110

function commentOf(because: string, depth: number): string {
  const width = commentWidth - depth * 2
  const lines: string[] = []
  for (const paragraph of because.split('\n')) {
    let line = ''
    for (const word of paragraph.split(' ')) {
      if (line !== '' && line.length + 1 + word.length > width) {
        lines.push(line)
        line = word
      } else line = line === '' ? word : `${line} ${word}`
    }
    lines.push(line)
  }
  return lines.map((line) => ` ${line}`).join('\n')
}
