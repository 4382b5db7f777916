/** A slice of the rendered rules. */
import { parse, stringify } from 'yaml'

interface Rule {
  readonly record?: string
  readonly alert?: string
  readonly expr: string
  readonly labels?: Readonly<Record<string, string>>
}

interface Group {
  readonly name: string
  readonly rules: readonly Rule[]
}

/**
 * One rules file with the rules of an alert, and the recording rules that they are made of, as rendered.
 * @param only what singles out one of several rules of that name, as matchers; empty: all of them
 */
export function rulesFor(alert: string, only: string, recording: string, alerts: string): string {
  const groups = [recording, alerts].flatMap((text) => (parse(text) as { groups: Group[] }).groups)
  const rules = groups.flatMap((group) => group.rules)
  const named = new Map([...only.matchAll(/(\w+)="([^"]*)"/g)].map(([, label, value]) => [label!, value!]))
  const fits = ({ labels = {} }: Rule): boolean =>
    [...named].every(([label, value]) => labels[label] === undefined || labels[label] === value)
  const wanted = new Set(rules.filter((rule) => rule.alert === alert && fits(rule)))
  for (const rule of wanted) {
    const names = new Set(rule.expr.match(/[a-zA-Z_][a-zA-Z0-9_:]*/g))
    for (const other of rules) {
      if (other.record !== undefined && names.has(other.record) && fits(other)) wanted.add(other)
    }
  }
  const kept = groups.map(({ name, rules: all }) => ({ name, rules: all.filter((rule) => wanted.has(rule)) }))
  return stringify({ groups: kept.filter((group) => group.rules.length > 0) })
}
