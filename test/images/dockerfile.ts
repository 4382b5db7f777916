/** What a Dockerfile says of the image that it ends in, for an image that is made without building it. */

const kept = new Set(['ENV', 'USER', 'WORKDIR', 'ENTRYPOINT', 'CMD', 'EXPOSE', 'VOLUME'])

/**
 * The instructions of the last stage that `docker import --change` takes, with the build arguments put in by
 * their defaults, and `$PATH` by what the stage begins with.
 */
export function finalInstructions(dockerfile: string, path: string): string[] {
  const lines = dockerfile
    .split('\n')
    .filter((line) => !line.trimStart().startsWith('#'))
    .join('\n')
    .replaceAll(/\s*\\\n\s*/g, ' ')
    .split('\n')
    .filter((line) => line.trim() !== '')
  const last = lines.findLastIndex((line) => line.startsWith('FROM '))
  const values = new Map<string, string>([['PATH', path]])
  const changes: string[] = []
  for (const line of lines.slice(last + 1)) {
    const expanded = line.replaceAll(
      /\$\{?([A-Z_]+)\}?/g,
      (whole: string, name: string) => values.get(name) ?? whole,
    )
    const word = expanded.slice(0, expanded.indexOf(' '))
    const argument = /^ARG ([A-Z_]+)=(\S+)$/.exec(expanded)
    if (argument !== null) values.set(argument[1] ?? '', argument[2] ?? '')
    if (kept.has(word)) changes.push(expanded)
  }
  return changes
}
