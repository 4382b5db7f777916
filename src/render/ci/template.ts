import { type Document, type Node, isNode, isPair, isScalar, isSeq, parseDocument } from 'yaml'
import type { Templates } from '../rendered.ts'

/** A template that is YAML itself, to be changed as data: its comments stay. Throws an Error where there is none. */
export function documentOf(templates: Templates, path: string): Document {
  const text = templates.get(path)
  if (text === undefined) throw new Error(`there is no template ${path}`)
  const document = parseDocument(text)
  if (document.errors[0] !== undefined) throw new Error(`${path}: ${document.errors[0].message}`)
  return document
}

/** Long lines stay long: they are commands. */
export function textOf(document: Document): string {
  return document.toString({ lineWidth: 0, flowCollectionPadding: false })
}

/** Puts a comment above a key or an item that is there. */
export function commentOn(document: Document, path: readonly (string | number)[], comment: string): void {
  const node = keyOrItem(document, path)
  const before =
    node.commentBefore === null || node.commentBefore === undefined ? '' : `${node.commentBefore}\n`
  node.commentBefore = `${before} ${comment}`
}

/** Where in a list an item holds this text. Throws an Error where none does: the template has changed. */
export function indexOf(document: Document, path: readonly string[], holding: string): number {
  const list = document.getIn(path)
  const items = isSeq(list) ? list.items : []
  const index = items.findIndex(
    (item) => isNode(item) && JSON.stringify(item.toJS(document)).includes(holding),
  )
  if (index === -1) throw new Error(`nothing in ${path.join('.')} holds ${holding}`)
  return index
}

export function withoutItem(document: Document, path: readonly string[], holding: string): void {
  document.deleteIn([...path, indexOf(document, path, holding)])
}

function keyOrItem(document: Document, path: readonly (string | number)[]): Node {
  const parent: unknown = document.getIn(path.slice(0, -1), true)
  const last = path.at(-1)
  const items = isNode(parent) && 'items' in parent ? parent.items : []
  const found =
    typeof last === 'number'
      ? items[last]
      : items.find((item) => isPair(item) && isScalar(item.key) && item.key.value === last)
  const node: unknown = isPair(found) ? found.key : found
  if (!isNode(node)) throw new Error(`nothing is at ${path.join('.')}`)
  return node
}
