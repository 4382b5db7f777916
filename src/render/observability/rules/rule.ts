/** Prometheus rules as data, and as the YAML that Prometheus reads. */
import { Document, type YAMLMap, isMap, isSeq } from 'yaml'

export interface RecordingRule {
  /** `level:metric:operations`, as https://prometheus.io/docs/practices/rules/ has it. */
  readonly record: string
  readonly expr: string
  readonly labels?: Readonly<Record<string, string>>
  /** Where a number in it comes from; becomes a comment. */
  readonly because?: string
}

export interface AlertRule {
  readonly alert: string
  readonly expr: string
  /** How long it must hold; a Prometheus duration. */
  readonly for: string
  readonly labels: Readonly<Record<string, string>> & { readonly severity: 'warning' | 'critical' }
  readonly annotations: {
    readonly summary: string
    /** What it means and what to do next. */
    readonly description: string
    /** The steps, one a line. */
    readonly runbook: string
  }
  readonly because?: string
}

export type Rule = RecordingRule | AlertRule

export interface RuleGroup<Of extends Rule = Rule> {
  readonly name: string
  readonly because?: string
  readonly rules: readonly Of[]
}

/** A rules file; groups without rules are left out. */
export function rulesText(groups: readonly RuleGroup[]): string {
  const kept = groups.filter((group) => group.rules.length > 0)
  const document = new Document({
    groups: kept.map(({ name, rules }) => ({ name, rules: rules.map(({ because: _why, ...rule }) => rule) })),
  })
  const list = document.get('groups')
  if (!isSeq<YAMLMap>(list)) throw new Error('a document of rules is a list of groups')
  for (const [index, group] of kept.entries()) {
    const node = list.items[index]!
    if (index > 0) node.spaceBefore = true
    if (group.because !== undefined) node.commentBefore = comment(group.because)
    const rules = node.get('rules')
    if (!isSeq(rules)) continue
    for (const [position, { because }] of group.rules.entries()) {
      const rule = rules.items[position]
      if (!isMap(rule)) continue
      if (position > 0) rule.spaceBefore = true
      if (because !== undefined) rule.commentBefore = comment(because)
    }
  }
  return document.toString({ lineWidth: 0 })
}

/** Wrapped at 110 columns, for a comment above what it is about. */
export function comment(text: string): string {
  const lines: string[] = []
  for (const word of text.split(/\s+/)) {
    const last = lines.at(-1)
    if (last !== undefined && last.length + 1 + word.length <= 110)
      lines[lines.length - 1] = `${last} ${word}`
    else lines.push(` ${word}`)
  }
  return lines.join('\n')
}
