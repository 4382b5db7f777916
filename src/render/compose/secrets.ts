/** The secrets of a stack: which there are, who reads them, and what is written beside them. Their values never are. */
import type { Topology } from '../topology.ts'

export interface Secret {
  readonly name: string
  /** Workloads, in the order of the topology. */
  readonly readBy: readonly string[]
  /** Nobody needs it to start: its file may be empty. */
  readonly optional: boolean
}

/** In alphabetical order. */
export function secretsOfStack({ workloads }: Topology): Secret[] {
  const found = new Map<string, { readBy: string[]; optional: boolean }>()
  for (const { name: workload, container } of workloads) {
    for (const { name, optional = false } of container.secrets) {
      const secret = found.get(name) ?? { readBy: [], optional: true }
      secret.readBy.push(workload)
      secret.optional &&= optional
      found.set(name, secret)
    }
  }
  return [...found].map(([name, rest]) => ({ name, ...rest })).sort((a, b) => (a.name < b.name ? -1 : 1))
}

/** Whatever lies here stays out of version control. */
export const secretsGitignore = `*
!.gitignore
!README.md
`

/**
 * @param reload what makes containers read a changed secret, as a sentence
 * @param empty how a secret is made that nobody has: a shell's command, what stands for its name being left out
 */
export function secretsReadme(secrets: readonly Secret[], reload: string, empty = ': >'): string {
  if (secrets.length === 0) return '# Secrets\n\nThis stack needs none.\n'
  const needed = secrets.filter(({ optional }) => !optional)
  const optional = secrets.filter((secret) => secret.optional)
  return [
    '# Secrets',
    '',
    'One file each, named as below, holding the value alone. `ragscale up` makes those that are passwords of this stack',
    'and are missing, at random. To make them by hand, in this folder:',
    '',
    '```sh',
    'chmod 700 .',
    ...needed.map(({ name }) => `${makeCommand(name)} > ${name}`),
    ...optional.map(({ name }) => `${empty} ${name}   # or its value; empty is as good as none`),
    `chmod 644 ${secrets.map(({ name }) => name).join(' ')}`,
    '```',
    '',
    'The files are readable and the folder is not: containers do not run as root, and each sees the file of its own',
    'secret without passing through the folder.',
    '',
    '| secret | read by | needed |',
    '| --- | --- | --- |',
    ...secrets.map(
      ({ name, readBy, optional: may }) => `| \`${name}\` | ${readBy.join(', ')} | ${may ? 'no' : 'yes'} |`,
    ),
    '',
    reload,
    '',
  ].join('\n')
}

/** Passwords that only this stack knows can be any; a key of somebody else's is pasted. */
function makeCommand(name: string): string {
  return /^(qdrant-api-key|.*-password)$/.test(name) ? 'openssl rand -hex 24' : 'cat'
}
