/**
 * Sets values in `ragscale.yaml` as a person would: the characters of that value change and no others, so
 * comments, order, quotes and spacing stay. Where that cannot be done (a comment-only map, a block to be
 * replaced by a scalar) the yaml library rewrites the document, which keeps comments and may respace it.
 */
import { isDeepStrictEqual } from 'node:util'
import { type Alias, type Document, type Node, isAlias, isMap, isNode, visit } from 'yaml'
import { ExitCode, UserError } from '../errors.ts'
import { getIn, setIn, splitPath } from './paths.ts'
import type { Path } from './problems.ts'
import { keyOf, parseYaml } from './yaml-document.ts'
import { splice } from './splice.ts'
import { flowText, styleOf } from './yaml-text.ts'

/**
 * The text with `value` at `path`, or without the key when `value` is undefined; every other key keeps its
 * value, also where they shared one by an anchor. Throws a UserError (exit 2) for a text that is not YAML
 * and for a path that leads through something other than a map.
 */
export function setPath(text: string, path: string | Path, value: unknown): string {
  const keys = typeof path === 'string' ? splitPath(path) : path
  const before = valueOf(text, keys)
  if (isDeepStrictEqual(getIn(before, keys), value)) return text
  const wanted = setIn(before, keys, value)
  const own = unshare(text, keys)
  const spliced = splice(own, keys, wanted)
  if (spliced !== undefined && holds(spliced, wanted)) return spliced
  return rewritten(own, keys, wanted)
}

function valueOf(text: string, keys: Path): unknown {
  const yaml = parseYaml(text)
  const problem = yaml.problems[0]
  if (problem !== undefined) {
    const message = `the file is not valid YAML: line ${problem.line}: ${problem.message}`
    throw new UserError(message, { exitCode: ExitCode.usage, code: 'config' })
  }
  for (let length = 0; length < keys.length; length++) {
    const held = getIn(yaml.value, keys.slice(0, length))
    if (held === undefined || held === null || (typeof held === 'object' && !Array.isArray(held))) continue
    const name = length === 0 ? 'the file' : keys.slice(0, length).join('.')
    throw new UserError(`${keys.join('.')} cannot be set: ${name} is not a map`, {
      exitCode: ExitCode.usage,
      code: 'config',
    })
  }
  return yaml.value
}

function holds(text: string, wanted: unknown): boolean {
  const yaml = parseYaml(text)
  return yaml.problems.length === 0 && isDeepStrictEqual(yaml.value, wanted)
}

/**
 * Gives the path values of its own: an alias that it leads through, and every alias of an anchor on it,
 * is replaced by what it stood for.
 */
function unshare(text: string, keys: Path): string {
  let result = text
  // Each round takes away one alias, and a file has fewer than its characters.
  for (let round = 0; round < text.length; round++) {
    const { document } = parseYaml(result)
    const shared = aliasToExpand(document, nodesAlong(document, keys))
    if (shared?.range === undefined || shared.range === null) return result
    const stoodFor: unknown = shared.resolve(document)?.toJS(document)
    const [start, end] = shared.range
    result = result.slice(0, start) + flowText(stoodFor, styleOf(result)) + result.slice(end)
  }
  return result
}

function nodesAlong(document: Document, keys: Path): Node[] {
  const nodes: Node[] = []
  let node: unknown = document.contents
  for (const key of keys) {
    node = isMap(node) ? node.items.find((pair) => keyOf(pair) === key)?.value : undefined
    if (!isNode(node)) break
    nodes.push(node)
    if (isAlias(node)) break
  }
  return nodes
}

function aliasToExpand(document: Document, along: readonly Node[]): Alias | undefined {
  const last = along.at(-1)
  if (isAlias(last)) return last
  const anchors = new Set(
    along.flatMap((node) => ('anchor' in node && node.anchor !== undefined ? [node.anchor] : [])),
  )
  let found: Alias | undefined
  visit(document, {
    Alias(_key, alias) {
      if (!anchors.has(alias.source)) return undefined
      found = alias
      return visit.BREAK
    },
  })
  return found
}

function rewritten(text: string, keys: Path, wanted: unknown): string {
  const { document } = parseYaml(text)
  const value = getIn(wanted, keys)
  if (value === undefined) document.deleteIn(keys)
  else document.setIn(keys, value)
  const result = document.toString({ lineWidth: 0, flowCollectionPadding: true })
  if (!holds(result, wanted)) throw new Error(`setting ${keys.join('.')} would have changed something else`)
  return result
}
