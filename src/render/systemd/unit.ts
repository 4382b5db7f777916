/** The text of a systemd unit: sections of settings, with comments. */

export type Line =
  | readonly [key: string, value: string]
  /** A comment, above what follows it. */
  | string

export interface Section {
  readonly name: string
  readonly lines: readonly Line[]
}

/** Values are written as they are: `%` begins a specifier. A line break in one is an Error. */
export function unitText(sections: readonly Section[]): string {
  return sections
    .map(({ name, lines }) => [`[${name}]`, ...lines.map(lineText)].map((line) => `${line}\n`).join(''))
    .join('\n')
}

function lineText(line: Line): string {
  const text = typeof line === 'string' ? `# ${line}` : `${line[0]}=${line[1]}`
  if (text.includes('\n')) throw new Error(`a line of a unit holds a line break: ${JSON.stringify(text)}`)
  return text
}

/** One assignment of `Environment=`, quoted where it has to be; specifiers in the value are expanded. */
export function assignment(name: string, value: string): Line {
  const text = `${name}=${value}`
  return ['Environment', /[\s"'\\]/.test(text) ? `"${text.replaceAll(/["\\]/g, String.raw`\$&`)}"` : text]
}

/** So that a `%` is one. */
export function literal(value: string): string {
  return value.replaceAll('%', '%%')
}
